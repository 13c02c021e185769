import { createHash } from "node:crypto";
import { copyFile, readFile, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { tempFolder } from "./temp-folder.ts";

/** The keys of a manifest that say what a model takes and gives. */
export interface Signature {
  input: object;
  decoder: object;
  /** A list, or the name of a file that the test puts into the folder. */
  labels: readonly string[] | string;
}

/** A bundle around an ONNX file, in a folder that goes away with the test. */
export async function bundleOf(model: string, signature: Signature): Promise<string> {
  const folder = await tempFolder();
  const file = basename(model);
  const bytes = await readFile(model);
  const sha256 = createHash("sha256").update(bytes).digest("hex");
  const stages = [{ file, sha256, bytes: bytes.length }];
  const manifest = {
    schema: "sightline.model/1",
    name: "fixture",
    version: "1.0.0",
    description: "A model of the tests",
    license: "see test/fixtures/models/README.md",
    ...signature,
    variants: [{ name: "fp32", targets: ["any"], stages }],
  };
  await copyFile(model, join(folder, file));
  await writeFile(join(folder, "manifest.json"), JSON.stringify(manifest));
  return folder;
}
