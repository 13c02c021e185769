import { resolve } from "node:path";
import { keyIdOf, readPrivateKey } from "../../../models/bundle/keys.ts";
import { signBundle } from "../../../toolchain/pack/pack.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../../verb.ts";

export const sign: Verb = {
  name: "sign",
  summary: "sign a bundle's manifest",
  usage: "model sign FOLDER --key NAME.key.pem",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(sign, args, { key: { type: "string" } });
    const [folder = ""] = requirePositionals(sign, ["FOLDER"], positionals);
    if (values.key === undefined) throw usageError(sign, "--key is missing");
    const key = await readPrivateKey(resolve(context.cwd, values.key));
    const { name, version } = await signBundle(resolve(context.cwd, folder), key);
    context.out(`Signed ${name} ${version} with ${keyIdOf(key)}`);
    return 0;
  },
};
