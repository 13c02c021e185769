import { createHash } from "node:crypto";
import { constants, createReadStream, type ReadStream } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { SightlineError } from "../../runtime/base/errors.ts";
import { identityOf } from "./file-identity.ts";
import { VerifiedBefore } from "./verified-before.ts";

export const MAX_TEXT_BYTES = 2 ** 20;

/**
 * The real path of a regular file of a bundle. Errors: ERR_MODEL_MISSING when it is not there,
 * ERR_MODEL_MANIFEST when it is no regular file or lies outside, be it through a link.
 */
export async function fileInBundle(folder: string, name: string): Promise<{ path: string; bytes: number }> {
  const path = await real(resolve(folder, name), `${folder}: ${name}`);
  const inside = (await real(folder, folder)) + sep;
  if (!path.startsWith(inside))
    throw new SightlineError("ERR_MODEL_MANIFEST", `${folder}: ${name} is outside the bundle`);
  const stats = await stat(path);
  if (!stats.isFile())
    throw new SightlineError("ERR_MODEL_MANIFEST", `${folder}: ${name} is not a regular file`);
  return { path, bytes: stats.size };
}

/** The text of a small file of a bundle, without a byte order mark. Errors: as `fileInBundle`. */
export async function textInBundle(folder: string, name: string): Promise<string> {
  const { path, bytes } = await fileInBundle(folder, name);
  if (bytes > MAX_TEXT_BYTES) {
    throw new SightlineError("ERR_MODEL_MANIFEST", `${folder}: ${name} is larger than 1 MiB`);
  }
  return (await readFile(path, "utf8")).replace(/^\uFEFF/, "");
}

/** The same of a file that need not be there. */
export async function textIfAny(folder: string, name: string): Promise<string | undefined> {
  try {
    return await textInBundle(folder, name);
  } catch (error) {
    const cause =
      error instanceof SightlineError ? (error.cause as NodeJS.ErrnoException | undefined) : undefined;
    if (cause?.code === "ENOENT") return undefined;
    throw error;
  }
}

/** A file's place and what it has to hold. */
export interface VerifiedFile {
  /** Absolute, links resolved. */
  path: string;
  bytes: number;
  /** 64 small hexadecimal digits. */
  sha256: string;
}

/**
 * A file of a bundle that holds what its manifest says; not read again where `before` knows it. Errors: as
 * `fileInBundle`; ERR_MODEL_DIGEST, which names both sides.
 */
export async function verifiedFile(
  folder: string,
  { file, sha256, bytes }: { file: string; sha256: string; bytes: number },
  before = new VerifiedBefore(),
): Promise<VerifiedFile> {
  const { path, bytes: found } = await fileInBundle(folder, file);
  if (found !== bytes) throw otherSize(path, found, bytes);
  await verify({ path, bytes, sha256 }, before);
  return { path, bytes, sha256 };
}

/** Errors: ERR_MODEL_MISSING, ERR_MODEL_DIGEST. */
export async function verify({ path, bytes, sha256 }: VerifiedFile, before: VerifiedBefore): Promise<void> {
  const hash = createHash("sha256");
  try {
    const identity = identityOf(await stat(path, { bigint: true }));
    if (before.has(path, sha256, identity)) return;
    await pipeline(streamOf(path, bytes), hash);
    compare(path, hash.digest("hex"), sha256);
    before.add(path, { sha256, identity, nowMs: Date.now() });
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MISSING", error, path);
  }
}

/**
 * The very bytes whose digest was compared: whoever parses them parses what was verified, whatever happens to
 * the file. Errors: ERR_MODEL_MISSING, ERR_MODEL_DIGEST.
 */
export async function readVerified({ path, bytes, sha256 }: VerifiedFile): Promise<Buffer> {
  let content: Buffer;
  try {
    content = await readFile(path, { flag: READ_NO_LINK });
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MISSING", error, path);
  }
  if (content.length !== bytes) throw otherSize(path, content.length, bytes);
  compare(path, createHash("sha256").update(content).digest("hex"), sha256);
  return content;
}

/** Reads a file whose links are resolved, of some `bytes`; one that became a link since then is not followed. */
export const streamOf = (path: string, bytes: number): ReadStream =>
  createReadStream(path, {
    // Node takes numbers for flags, too; its types say so for readFile only.
    flags: READ_NO_LINK as unknown as string,
    highWaterMark: Math.min(2 ** 20, Math.max(2 ** 12, bytes)),
  });

const READ_NO_LINK = constants.O_RDONLY | constants.O_NOFOLLOW;

function compare(path: string, found: string, wanted: string): void {
  if (found === wanted) return;
  throw new SightlineError("ERR_MODEL_DIGEST", `${path} has sha256 ${found}, its manifest says ${wanted}`);
}

const otherSize = (path: string, found: number, wanted: number): SightlineError =>
  new SightlineError("ERR_MODEL_DIGEST", `${path} has ${found} bytes, its manifest says ${wanted}`);

async function real(path: string, what: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MISSING", error, what);
  }
}
