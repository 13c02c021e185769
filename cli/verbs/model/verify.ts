import type { KeyObject } from "node:crypto";
import { resolve } from "node:path";
import { readLabels } from "../../../models/bundle/bundle.ts";
import { readPublicKey, readTrusted } from "../../../models/bundle/keys.ts";
import { filesOf } from "../../../models/bundle/packed.ts";
import { checkRequirements } from "../../../models/bundle/requirements.ts";
import { checkEnvelope } from "../../../models/bundle/signature.ts";
import { verifyInstalled } from "../../../models/store/installed.ts";
import { openSource } from "../../../models/store/open-source.ts";
import { checkFiles, checkManifest } from "../../../models/store/source.ts";
import type { Store } from "../../../models/store/store.ts";
import { type CommandContext, parseVerbArgs, usageError, type Verb } from "../../verb.ts";
import { STORE_OPTION, storeOf } from "./store-option.ts";

/** Exit code 1 if a check fails. */
export const verify: Verb = {
  name: "verify",
  summary: "check the signature and the files of a bundle, or of all installed models",
  usage: "model verify [FOLDER|FILE.tar] [--key NAME.pub.pem] [--store DIR]",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(verify, args, {
      ...STORE_OPTION,
      key: { type: "string", multiple: true, default: [] },
    });
    const [place, extra] = positionals;
    if (extra !== undefined) throw usageError(verify, `unexpected argument "${extra}"`);
    const store = storeOf(values, context);
    if (place === undefined) return verifyStore(store, context);
    const keys = await Promise.all(values.key.map((file) => readPublicKey(resolve(context.cwd, file))));
    const trusted = keys.length > 0 ? keys : await readTrusted(store.trust);
    context.out(`${place}: ${await verifyBundle(resolve(context.cwd, place), store, trusted)}`);
    return 0;
  },
};

async function verifyBundle(place: string, store: Store, trusted: readonly KeyObject[]): Promise<string> {
  const source = await openSource(place);
  try {
    const { manifest, text, signedBy } = checkManifest(source, trusted);
    if (source.signatureText !== undefined) checkEnvelope(source.signatureText, { manifest, text });
    checkRequirements(manifest, { nowMs: store.clock.wallMs(), runtime: store.runtime });
    await readLabels(source.place, manifest.labels);
    await checkFiles(source, filesOf(manifest));
    const signature =
      source.signatureText === undefined ? "not signed" : "signed, but no trusted key is configured here";
    return `OK, ${manifest.name} ${manifest.version}, ${signedBy ? `signed by ${signedBy}` : signature}`;
  } finally {
    await source.close();
  }
}

async function verifyStore(store: Store, context: CommandContext): Promise<number> {
  const verified = await verifyInstalled(store);
  for (const { name, version, error } of verified) {
    context.out(`${name} ${version}: ${error ? `${error.code}: ${error.message}` : "OK"}`);
  }
  if (verified.length === 0) context.out(`No model is installed in ${store.root}`);
  return verified.some(({ error }) => error) ? 1 : 0;
}
