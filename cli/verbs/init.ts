import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { exampleConfig } from "../../config/example.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { parseVerbArgs, usageError, type Verb } from "../verb.ts";

const shipped = (path: string): URL => new URL(`../../${path}`, import.meta.url);

export const init: Verb = {
  name: "init",
  summary: "write an example configuration to start from",
  usage: "init [FILE] [--bundle FOLDER] [--images FOLDER] [--force]",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(init, args, {
      bundle: { type: "string", default: fileURLToPath(shipped("models/zoo/pcb-aoi")) },
      images: { type: "string", default: fileURLToPath(shipped("models/zoo/pcb-aoi/samples/images")) },
      force: { type: "boolean", default: false },
    });
    if (positionals.length > 1) throw usageError(init, `unexpected argument "${positionals[1]}"`);
    const file = positionals[0] ?? "sightline.yaml";
    const schemaUrl = shipped("config/config.schema.json").href;
    await write(resolve(context.cwd, file), exampleConfig({ ...values, schemaUrl }), values.force);
    context.out(`Wrote ${file}. Next: sightline check ${file}`);
    return 0;
  },
};

/** Without `force` an existing file is never overwritten, not even one that appears at the last moment. */
async function write(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? "w" : "wx" });
  } catch (error) {
    throw SightlineError.wrap("ERR_CONFIG_WRITE", error);
  }
}
