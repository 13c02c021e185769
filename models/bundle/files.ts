import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { pipeline } from "node:stream/promises";
import { SightlineError } from "../../runtime/base/errors.ts";

const MAX_TEXT_BYTES = 2 ** 20;

/**
 * The real path of a regular file of a bundle. Errors: ERR_MODEL_MISSING when it is not there,
 * ERR_MODEL_MANIFEST when it is no regular file or lies outside, be it through a link.
 */
export async function fileInBundle(folder: string, name: string): Promise<{ path: string; bytes: number }> {
  const path = await real(resolve(folder, name), `${folder}: ${name}`);
  const inside = (await real(folder, folder)) + sep;
  if (!path.startsWith(inside))
    throw new SightlineError("ERR_MODEL_MANIFEST", `${folder}: ${name} leaves the bundle`);
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

/** Compares a file with what its manifest says. Errors: ERR_MODEL_DIGEST, which names both sides. */
export async function verify(
  file: { path: string; bytes: number },
  wanted: { bytes: number; sha256: string },
): Promise<void> {
  if (file.bytes !== wanted.bytes) {
    const message = `${file.path} has ${file.bytes} bytes, its manifest says ${wanted.bytes}`;
    throw new SightlineError("ERR_MODEL_DIGEST", message);
  }
  const sha256 = await sha256Of(file.path);
  if (sha256 === wanted.sha256) return;
  throw new SightlineError(
    "ERR_MODEL_DIGEST",
    `${file.path} has sha256 ${sha256}, its manifest says ${wanted.sha256}`,
  );
}

async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  try {
    await pipeline(createReadStream(path, { highWaterMark: 2 ** 20 }), hash);
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MISSING", error, path);
  }
  return hash.digest("hex");
}

async function real(path: string, what: string): Promise<string> {
  try {
    return await realpath(path);
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MISSING", error, what);
  }
}
