import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { makeKeys, readPrivateKey } from "../../models/bundle/keys.ts";
import { systemClock } from "../../runtime/base/clock.ts";
import { openKernels } from "../../runtime/native/index.ts";
import { openModel } from "../../runtime/pipeline/open-model.ts";
import { packBundle } from "../../toolchain/pack/pack.ts";
import { PCB_AOI } from "../support/daemon-process.ts";
import { startProvider } from "../support/models.ts";

const provider = startProvider(1);
afterAll(async () => {
  await provider.close();
  await rm(folder, { recursive: true });
});

const deps = { provider, kernels: openKernels(), clock: systemClock };
const open = (folder: string, trust?: string) =>
  openModel(deps, { folder, trust, runLimitMs: 1000, inFlight: 1 });
const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });

let folder: string;
const at = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sightline-trust-"));
  for (const name of ["ours", "others"]) {
    const { privatePem, publicPem } = makeKeys();
    await mkdir(at(name));
    await writeFile(join(at(name), "key.pem"), publicPem);
    await writeFile(at(`${name}.key.pem`), privatePem);
  }
  await mkdir(at("nobody"));
  await packBundle(PCB_AOI, { out: at("signed"), key: await readPrivateKey(at("ours.key.pem")) });
  await packBundle(PCB_AOI, { out: at("unsigned") });
});

test("a model opens when one of those who are trusted signed it", async () => {
  const { close, model } = await open(at("signed"), at("ours"));
  expect(model.options.name).toBe("pcb-aoi");
  await close();
});

test("else it does not", async () => {
  await expect(open(at("signed"), at("others"))).rejects.toThrow(code("ERR_MODEL_SIGNATURE"));
  await expect(open(at("unsigned"), at("ours"))).rejects.toThrow(code("ERR_MODEL_SIGNATURE"));
});

test("a folder of trust with no key in it trusts nobody", async () => {
  await expect(open(at("signed"), at("nobody"))).rejects.toThrow(code("ERR_MODEL_KEY"));
  await expect(open(at("signed"), at("nowhere"))).rejects.toThrow(code("ERR_MODEL_KEY"));
});

test("where nobody is named, digests suffice", async () => {
  const { close } = await open(at("unsigned"));
  await close();
});
