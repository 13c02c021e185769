import { resolve } from "node:path";
import { readPrivateKey } from "../../../models/bundle/keys.ts";
import { packBundle } from "../../../toolchain/pack/pack.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../../verb.ts";
import { bundleFolder } from "../../zoo.ts";

export const bundle: Verb = {
  name: "bundle",
  summary: "pack a bundle so that it can be signed and installed",
  usage: "model bundle BUNDLE -o FOLDER|FILE.tar [--sign NAME.key.pem]",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(bundle, args, {
      out: { type: "string", short: "o" },
      sign: { type: "string" },
    });
    const [folder = ""] = requirePositionals(bundle, ["BUNDLE"], positionals);
    if (values.out === undefined) throw usageError(bundle, "-o is missing");
    const key =
      values.sign === undefined ? undefined : await readPrivateKey(resolve(context.cwd, values.sign));
    const { name, version } = await packBundle(bundleFolder(folder, context.cwd), {
      out: resolve(context.cwd, values.out),
      key,
    });
    context.out(`Packed ${name} ${version} into ${values.out}`);
    return 0;
  },
};
