import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { MANIFEST_FILE } from "../../models/bundle/bundle.ts";
import { parseManifest, type WrittenManifest } from "../../models/bundle/manifest.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { writeStage } from "./write-blobs.ts";
import { writeOut } from "./write-out.ts";

/** A manifest but for its variants. */
export type ModelDescription = Omit<WrittenManifest, "schema" | "variants">;

/**
 * A new bundle of one model that runs everywhere, in the folder `out`. Errors: ERR_MODEL_MANIFEST (the description is
 * not valid), ERR_MODEL_WRITE.
 */
export function createBundle(description: ModelDescription, model: ModelProto, out: string): Promise<void> {
  return writeOut(out, async (temporary) => {
    await mkdir(temporary);
    const stages = [await writeStage(temporary, model)];
    const variants = [{ name: "float", targets: ["any"], stages }];
    const text = `${JSON.stringify({ schema: "sightline.model/1", ...description, variants }, null, 2)}\n`;
    parseManifest(text, out);
    await writeFile(join(temporary, MANIFEST_FILE), text);
  });
}
