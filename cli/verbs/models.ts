import { resolve } from "node:path";
import { listBundles } from "../../models/bundle/bundle.ts";
import { formatBytes } from "../../runtime/base/units.ts";
import { parseVerbArgs, type Verb } from "../verb.ts";
import { shippedBundles } from "../zoo.ts";

/** Exit code 1 when a bundle is broken. */
export const models: Verb = {
  name: "models",
  summary: "list the installed models",
  usage: "models [BUNDLE…] [--json]",
  async run(args, io) {
    const { values, positionals } = parseVerbArgs(models, args, {
      json: { type: "boolean", default: false },
    });
    const bundles = await listBundles([
      ...shippedBundles(),
      ...positionals.map((folder) => resolve(io.cwd, folder)),
    ]);
    for (const bundle of bundles) {
      if (values.json)
        io.out(JSON.stringify("error" in bundle ? { ...bundle, error: bundle.error.toRecord() } : bundle));
      else if ("error" in bundle) io.out(`${bundle.folder}: ${bundle.error.code}: ${bundle.error.message}`);
      else {
        const { name, version, variants, bytes } = bundle;
        io.out(
          `${name.padEnd(20)} ${version.padEnd(8)} ${variants.join(", ").padEnd(16)} ${formatBytes(bytes)}`,
        );
      }
    }
    return bundles.some((bundle) => "error" in bundle) ? 1 : 0;
  },
};
