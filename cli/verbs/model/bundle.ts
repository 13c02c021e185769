import { resolve } from "node:path";
import { readPrivateKey } from "../../../models/bundle/keys.ts";
import { packBundle } from "../../../toolchain/pack/pack.ts";
import { exactly, parseVerbArgs, usageError, type Verb } from "../../verb.ts";
import { bundleFolder } from "../../zoo.ts";

export const bundle: Verb = {
  name: "bundle",
  summary: "pack a bundle, so that it can be signed and installed",
  usage: "model bundle BUNDLE -o FOLDER|FILE.tar [--sign NAME.key.pem]",
  async run(args, io) {
    const { values, positionals } = parseVerbArgs(bundle, args, {
      out: { type: "string", short: "o" },
      sign: { type: "string" },
    });
    const [folder = ""] = exactly(bundle, ["BUNDLE"], positionals);
    if (values.out === undefined) throw usageError(bundle, "-o is missing");
    const key = values.sign === undefined ? undefined : await readPrivateKey(resolve(io.cwd, values.sign));
    const { name, version } = await packBundle(bundleFolder(folder, io.cwd), {
      out: resolve(io.cwd, values.out),
      key,
    });
    io.out(`Packed ${name} ${version} into ${values.out}`);
    return 0;
  },
};
