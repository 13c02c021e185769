/**
 * Opens a prepared model many times and prints how much private memory one more session takes, by the kernel's count,
 * and what was written down for it. Nothing else runs here, and the heap is collected before each count.
 */
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openPiece } from "../../../runtime/loader/prepared/open-pieces.ts";
import { prepare } from "../../../runtime/loader/prepared/prepare.ts";
import { WEIGHTS_FILE } from "../../../runtime/loader/prepared/prepared-model.ts";
import { randomFeeds, startProvider } from "../models.ts";

const SESSIONS = 15;
const path = process.argv[2] ?? "";
const collect = globalThis.gc as () => void;
const provider = startProvider(1);
const parent = await mkdtemp(join(tmpdir(), "sightline-memory-"));
try {
  const folder = join(parent, "prepared");
  const model = await readFile(path);
  const { inputs } = await provider.load(path);
  const stage = { path, bytes: model.length, sha256: createHash("sha256").update(model).digest("hex") };
  const prepared = await prepare(provider, stage, { folder, label: "test", feeds: randomFeeds(inputs, 1) });
  const file = prepared.weights && (await provider.map(join(folder, WEIGHTS_FILE)));
  const context = { provider, folder, file, label: "test" };
  const open = () => openPiece(context, prepared.whole, prepared.prepack);
  // The first ones fill what the allocator had kept from preparing.
  for (let i = 0; i < 5; i++) await open();
  const before = await privateBytes();
  const { weightsBytes } = (await open()).memory();
  for (let i = 1; i < SESSIONS; i++) await open();
  const measured = ((await privateBytes()) - before) / SESSIONS - weightsBytes;
  console.log(JSON.stringify({ measured, written: prepared.whole.structureBytes }));
} finally {
  await rm(parent, { recursive: true });
}
process.exit(0);

async function privateBytes(): Promise<number> {
  collect();
  const [, kilobytes] =
    /^Private_Dirty:\s+(\d+) kB$/m.exec(await readFile("/proc/self/smaps_rollup", "utf8")) ?? [];
  return Number(kilobytes) * 1024;
}
