import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Bundle, MANIFEST_FILE } from "../../models/bundle/bundle.ts";
import { parseManifest, type Stage, type WrittenManifest } from "../../models/bundle/manifest.ts";
import { filesOf } from "../../models/bundle/packed.ts";
import { SIGNATURE_FILE } from "../../models/bundle/signature.ts";
import { packBundle } from "../pack/pack.ts";
import { writeStage } from "../pack/write-blobs.ts";
import { writeOut } from "../pack/write-out.ts";
import type { SplitModel } from "./split.ts";

/** What is written of a model that has no manifest. */
export const STAGES_FILE = "stages.json";

/**
 * Writes the stages into the folder `out`, which must not exist: with a packed copy of `bundle`, in whose variant
 * they take the whole's place, or else with a `stages.json`. Signatures do not come along: they are of the whole.
 * Errors: ERR_MODEL_WRITE, and those of `packBundle`.
 */
export async function writeSplit(
  split: SplitModel,
  { out, bundle }: { out: string; bundle: Bundle | undefined },
): Promise<readonly Stage[]> {
  let written: readonly Stage[] = [];
  await writeOut(out, async (folder) => {
    if (bundle) await packBundle(bundle.folder, { out: folder });
    written = await writeStages(folder, split);
    if (bundle) await replaceVariant(folder, bundle.variant.name, { split, written });
    else await writeJson(join(folder, STAGES_FILE), { ...judged(split), stages: written });
  });
  return written;
}

async function writeStages(folder: string, { stages }: SplitModel): Promise<Stage[]> {
  const written: Stage[] = [];
  for (const { model, inputs, outputs } of stages) {
    written.push({ ...(await writeStage(folder, model)), inputs: [...inputs], outputs: [...outputs] });
  }
  return written;
}

/** The whole's files go, unless another variant has them too. */
async function replaceVariant(
  folder: string,
  name: string,
  { split, written }: { split: SplitModel; written: readonly Stage[] },
): Promise<void> {
  const path = join(folder, MANIFEST_FILE);
  const text = await readFile(path, "utf8");
  const manifest: WrittenManifest = JSON.parse(text);
  const variants = manifest.variants.map((each) =>
    each.name === name ? { ...each, stages: [...written] } : each,
  );
  const changed = { ...manifest, variants, report: { ...manifest.report, ...judged(split) } };
  const kept = new Set(filesOf(parseManifest(JSON.stringify(changed), path)).map(({ file }) => file));
  const gone = filesOf(parseManifest(text, path)).filter(({ file }) => !kept.has(file));
  for (const { file } of gone) await rm(join(folder, file));
  await rm(join(folder, SIGNATURE_FILE), { force: true });
  await writeJson(path, changed);
}

/** JSON knows no Infinity. */
const judged = ({ isBitExact, sqnrDb }: SplitModel) =>
  isBitExact ? { bit_exact: true } : { bit_exact: false, split_sqnr_db: sqnrDb };

const writeJson = (path: string, value: unknown): Promise<void> =>
  writeFile(path, `${JSON.stringify(value, null, 2)}\n`);
