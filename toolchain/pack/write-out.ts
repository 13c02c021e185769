import { access, rename, rm } from "node:fs/promises";
import { SightlineError } from "../../runtime/base/errors.ts";

/**
 * Lets `write` make a file or a folder under a temporary name beside `path`, and moves it there when it is whole. What
 * is at `path` already stays. Errors: ERR_MODEL_WRITE, and those of `write` that are ours.
 */
export async function writeOut(path: string, write: (temporary: string) => Promise<void>): Promise<void> {
  const temporary = `${path}.${process.pid}.part`;
  await refuseExisting(path);
  try {
    await write(temporary);
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
    throw SightlineError.wrap("ERR_MODEL_WRITE", error);
  }
}

/** For work that takes long before it writes. Errors: ERR_MODEL_WRITE. */
export async function refuseExisting(path: string): Promise<void> {
  const exists = await access(path).then(
    () => true,
    () => false,
  );
  if (exists) throw new SightlineError("ERR_MODEL_WRITE", `${path} exists already`);
}
