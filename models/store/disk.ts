import { existsSync } from "node:fs";
import { link, open, readdir, rename, rm, rmdir, symlink } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SightlineError } from "../../runtime/base/errors.ts";
import { makeFolder } from "../../runtime/base/make-folder.ts";

/** Blobs are shared by hard links: whoever wrote into one would change all models that have it. */
const READ_ONLY = 0o444;

/**
 * Every change that the store makes to its disk, one step each. What has returned survives a power failure,
 * except for names: they do once `syncFolder` returned for their folder. Errors: ERR_MODEL_STORE,
 * ERR_MODEL_STORE_FULL, and whatever a file's content throws while it is written.
 */
export class Disk {
  readonly #beforeStep: () => void;

  /** `beforeStep` is called before each change; tests stop the process there. */
  constructor(beforeStep: () => void = () => {}) {
    this.#beforeStep = beforeStep;
  }

  /** Creates a folder and what is missing above it. */
  async makeFolder(path: string): Promise<void> {
    if (existsSync(path)) return;
    await this.makeFolder(dirname(path));
    await this.#step(path, async () => makeFolder(path));
    await this.syncFolder(dirname(path));
  }

  /** Writes a new, read-only file. */
  async write(path: string, content: AsyncIterable<Uint8Array> | Iterable<string>): Promise<void> {
    const file = await this.#step(path, () => open(path, "wx"));
    try {
      for await (const chunk of content) await this.#step(path, () => file.writeFile(chunk));
      await this.#step(path, () => file.chmod(READ_ONLY));
      await this.#step(path, () => file.sync());
    } finally {
      await file.close();
    }
  }

  /** A second name for a file. */
  async link(from: string, to: string): Promise<void> {
    await this.#step(to, () => link(from, to));
  }

  async symlink(target: string, path: string): Promise<void> {
    await this.#step(path, () => symlink(target, path));
  }

  /** In one step `to` is what `from` was, whatever it was before. */
  async move(from: string, to: string): Promise<void> {
    await this.#step(to, () => rename(from, to));
  }

  async remove(path: string): Promise<void> {
    await this.#step(path, () => rm(path));
  }

  /** Removes what is in `folder`, a file or an empty folder at a time; the folder stays. */
  async empty(folder: string): Promise<void> {
    const entries = await this.#wrap(folder, () => readdir(folder, { withFileTypes: true }));
    for (const entry of entries) {
      const path = join(folder, entry.name);
      if (!entry.isDirectory()) await this.remove(path);
      else {
        await this.empty(path);
        await this.#step(path, () => rmdir(path));
      }
    }
  }

  async syncFolder(path: string): Promise<void> {
    await this.#step(path, async () => {
      const folder = await open(path);
      await folder.sync().finally(() => folder.close());
    });
  }

  #step<T>(path: string, change: () => Promise<T>): Promise<T> {
    this.#beforeStep();
    return this.#wrap(path, change);
  }

  async #wrap<T>(path: string, act: () => Promise<T>): Promise<T> {
    try {
      return await act();
    } catch (error) {
      throw diskError(error, path);
    }
  }
}

/** What the operating system says about `path`, as an error of ours. */
export function diskError(error: unknown, path: string): SightlineError {
  const { code, syscall } = error as NodeJS.ErrnoException;
  if (code === "ENOSPC" || code === "EDQUOT") return SightlineError.wrap("ERR_MODEL_STORE_FULL", error, path);
  // link(2) says EPERM where the file system has no hard links, as FAT.
  const hasNoLinks = syscall === "link" && ["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"].includes(code ?? "");
  if (code !== "EXDEV" && !hasNoLinks) return SightlineError.wrap("ERR_MODEL_STORE", error, path);
  const hint =
    "The store needs hard links: put all of it on one file system, such as ext4 (not FAT or exFAT).";
  return new SightlineError("ERR_MODEL_STORE", `${path}: ${(error as Error).message}`, {
    hint,
    cause: error,
  });
}
