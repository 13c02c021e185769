import { copyFile, mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { MANIFEST_FILE } from "../../models/bundle/bundle.ts";
import { textInBundle, verifiedFile } from "../../models/bundle/files.ts";
import { parseManifest, type Variant, type WrittenManifest } from "../../models/bundle/manifest.ts";
import { filesOf } from "../../models/bundle/packed.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { writeStage } from "./write-blobs.ts";
import { writeOut } from "./write-out.ts";

export interface AddedVariant {
  name: string;
  targets: readonly string[];
  /** Models that run one after the other. */
  stages: readonly ModelProto[];
  /** Goes into the manifest's report, under the variant's name. */
  report: Readonly<Record<string, unknown>>;
}

/**
 * A copy of the bundle in `folder` with one more variant, before the others: the first that fits a machine is taken. One
 * of the same name is replaced; a signature is not copied, as it no longer fits. Errors: as `openBundle`, ERR_MODEL_WRITE.
 */
export async function addVariant(folder: string, added: AddedVariant, out: string): Promise<void> {
  const text = await textInBundle(folder, MANIFEST_FILE);
  const written: WrittenManifest = JSON.parse(text);
  const manifest = parseManifest(text, join(folder, MANIFEST_FILE));
  const others = manifest.variants.filter(({ name }) => name !== added.name);
  await writeOut(out, async (temporary) => {
    await mkdir(temporary);
    const stages: Variant["stages"] = [];
    for (const model of added.stages) stages.push(await writeStage(temporary, model));
    for (const file of filesOf({ ...manifest, variants: others })) {
      const { path } = await verifiedFile(folder, file);
      await copyInto(temporary, path, file.file);
    }
    if (typeof manifest.labels === "string")
      await writeFile(join(temporary, manifest.labels), await textInBundle(folder, manifest.labels));
    const variants = [{ name: added.name, targets: [...added.targets], stages }, ...others];
    const report = { ...written.report, [added.name]: added.report };
    const result = `${JSON.stringify({ ...written, variants, report }, null, 2)}\n`;
    parseManifest(result, out);
    await writeFile(join(temporary, MANIFEST_FILE), result);
  });
}

async function copyInto(folder: string, path: string, name: string): Promise<void> {
  const place = join(folder, name);
  await mkdir(dirname(place), { recursive: true });
  await copyFile(path, place);
}
