import { execFile } from "node:child_process";
import { closeSync, constants, openSync, unlinkSync, writeSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { SightlineError } from "../../runtime/base/errors.ts";

const run = promisify(execFile);

/**
 * Connects a reader thread with a child through a FIFO that has a name for a moment only: named because Node has no
 * pipe(2), unlinked once both ends are open, so that nothing is left behind and no earlier child can write into it.
 * `openReader` opens the path for reading, in a thread that may block. Errors: ERR_CAMERA_SOURCE.
 */
export async function openFifo(
  folder: string,
  name: string,
  openReader: (path: string) => Promise<void>,
): Promise<number> {
  const path = join(folder, name);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    // A process of the same number may have ended in the middle of this.
    await rm(path, { force: true });
    await run("mkfifo", ["-m", "600", path]);
  } catch (error) {
    throw SightlineError.wrap("ERR_CAMERA_SOURCE", error, path);
  }
  // Open both ways, which waits for nobody (fifo(7)), so that neither of the other two has to wait.
  const keeper = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  try {
    await openReader(path);
    return openSync(path, constants.O_WRONLY);
  } finally {
    closeSync(keeper);
    unlinkSync(path);
  }
}

/** Wakes the thread of this process that blocks in reading `fd`, whoever else holds the other end. */
export function wakeReader(fd: number): void {
  try {
    const writer = openSync(`/proc/self/fd/${fd}`, constants.O_WRONLY | constants.O_NONBLOCK);
    try {
      writeSync(writer, "\0");
    } finally {
      closeSync(writer);
    }
  } catch {
    // Closed or full: then it does not block.
  }
}
