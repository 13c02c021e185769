import { createHash, type KeyObject } from "node:crypto";
import { join } from "node:path";
import { type ErrorCode, SightlineError } from "../../runtime/base/errors.ts";
import { MANIFEST_FILE } from "../bundle/bundle.ts";
import { parseManifest } from "../bundle/manifest.ts";
import type { BundleFile } from "../bundle/packed.ts";
import { checkSignature, type Signed } from "../bundle/signature.ts";

/** Where a bundle comes from: a folder, a tar file, a delta. Nothing in it is trusted yet. */
export interface BundleSource {
  /** For messages. */
  place: string;
  manifestText: string;
  /** The DSSE envelope, if there is one. */
  signatureText: string | undefined;
  /** The error of a file that does not hold what the manifest says. */
  damaged: ErrorCode;
  /** The content of a file that the manifest names, from its beginning. */
  read(file: string): AsyncIterable<Uint8Array>;
  close(): Promise<void>;
}

/** A source's manifest, once its signature is verified. */
export interface CheckedManifest extends Signed {
  /** The id of the trusted key that signed it; undefined when no key is trusted. */
  signedBy: string | undefined;
}

/**
 * The manifest of a source; with at least one `trusted` key, signed by one of them. Errors: ERR_MODEL_MANIFEST,
 * ERR_MODEL_SIGNATURE.
 */
export function checkManifest(source: BundleSource, trusted: readonly KeyObject[]): CheckedManifest {
  const text = source.manifestText;
  const manifest = parseManifest(text, join(source.place, MANIFEST_FILE));
  const signedBy =
    trusted.length > 0 ? checkSignature(source.signatureText, { text, manifest, trusted }) : undefined;
  return { text, manifest, signedBy };
}

/** A file's content, which fails at its end at the latest if it is not what the manifest says. */
export async function* verifiedContent(
  source: BundleSource,
  { file, sha256, bytes }: BundleFile,
): AsyncIterable<Uint8Array> {
  const hash = createHash("sha256");
  let found = 0;
  const fail = (message: string) => {
    throw new SightlineError(source.damaged, `${source.place}: ${file} ${message}`);
  };
  for await (const chunk of source.read(file)) {
    found += chunk.length;
    if (found > bytes) fail(`has more than the ${bytes} bytes that its manifest says`);
    hash.update(chunk);
    yield chunk;
  }
  if (found < bytes) fail(`has ${found} bytes, its manifest says ${bytes}`);
  const digest = hash.digest("hex");
  if (digest !== sha256) fail(`has sha256 ${digest}, its manifest says ${sha256}`);
}

/** Reads `files` to their ends. Errors: the source's `damaged`, and those of reading. */
export async function checkFiles(source: BundleSource, files: readonly BundleFile[]): Promise<void> {
  for (const file of files) for await (const _ of verifiedContent(source, file));
}
