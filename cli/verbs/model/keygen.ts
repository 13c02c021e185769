import { rm, writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { keyIdOf, makeKeys, readPublicKey } from "../../../models/bundle/keys.ts";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { parseVerbArgs, requirePositionals, type Verb } from "../../verb.ts";

export const keygen: Verb = {
  name: "keygen",
  summary: "create a key pair for signing models",
  usage: "model keygen NAME",
  async run(args, context) {
    const [name = ""] = requirePositionals(keygen, ["NAME"], parseVerbArgs(keygen, args, {}).positionals);
    const [keyFile, publicFile] = [`${name}.key.pem`, `${name}.pub.pem`];
    await writeKeys(resolve(context.cwd, keyFile), resolve(context.cwd, publicFile));
    const id = keyIdOf(await readPublicKey(resolve(context.cwd, publicFile)));
    context.out(
      `Wrote ${keyFile}, the private key: keep it secret. Wrote ${publicFile}, the public key for the stores that trust it: ${id}`,
    );
    return 0;
  },
};

/** Never overwrites a key: models that it signed could no longer be updated. */
async function writeKeys(keyFile: string, publicFile: string): Promise<void> {
  const { privatePem, publicPem } = makeKeys();
  try {
    await writeFile(keyFile, privatePem, { flag: "wx", mode: 0o600 });
    await writeFile(publicFile, publicPem, { flag: "wx" }).catch(async (error) => {
      await rm(keyFile);
      throw error;
    });
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_KEY", error);
  }
}
