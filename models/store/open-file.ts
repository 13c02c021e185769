import { type FileHandle, open } from "node:fs/promises";
import { type ErrorCode, SightlineError } from "../../runtime/base/errors.ts";

/** A file of which parts are read. */
export interface OpenFile {
  bytes: number;
  /** Fills `target` from `position`. Errors: `short` when the file ends before. */
  read(target: Uint8Array, position: number): Promise<void>;
  close(): Promise<void>;
}

/** `short` is the error of a file that ends too early. Errors: ERR_MODEL_MISSING. */
export async function openFile(path: string, short: ErrorCode): Promise<OpenFile> {
  let handle: FileHandle;
  try {
    handle = await open(path, "r");
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MISSING", error);
  }
  return {
    bytes: (await handle.stat()).size,
    close: () => handle.close(),
    async read(target, position) {
      for (let done = 0; done < target.length; ) {
        const { bytesRead } = await handle.read(target, done, target.length - done, position + done);
        if (bytesRead === 0) throw new SightlineError(short, `${path} ends early`);
        done += bytesRead;
      }
    },
  };
}
