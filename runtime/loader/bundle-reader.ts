import type { KeyObject } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Bundle, openBundle } from "../../models/bundle/bundle.ts";
import { readTrusted } from "../../models/bundle/keys.ts";
import type { Target } from "../../models/bundle/targets.ts";
import { VerifiedBefore } from "../../models/bundle/verified-before.ts";
import { SightlineError } from "../base/errors.ts";

export interface BundleSource {
  /** The bundle's folder, or a link to it. */
  bundle: string;
  variant?: string | undefined;
  trust?: string | undefined;
}

export interface ReaderOptions {
  /** Where it keeps what it has verified. */
  folder: string;
  targets: readonly Target[];
}

/** Opens bundles, and reads their files again only when the file system says that they changed. */
export class BundleReader {
  readonly #options: ReaderOptions;
  #before = new VerifiedBefore();

  constructor(options: ReaderOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#before = new VerifiedBefore(await this.#readEntries());
  }

  /** Errors: those of `openBundle`, ERR_MODEL_KEY. */
  async read({ bundle, trust, variant }: BundleSource): Promise<Bundle> {
    const known = this.#before.count;
    const opened = await openBundle(bundle, {
      variant,
      trusted: trust === undefined ? [] : await trustedKeys(trust),
      targets: this.#options.targets,
      before: this.#before,
    });
    // What is not remembered is verified again, no more.
    if (this.#before.count !== known) await this.#writeEntries().catch(() => {});
    return opened;
  }

  async #readEntries(): Promise<VerifiedBefore["entries"]> {
    try {
      return JSON.parse(await readFile(this.#path, "utf8"));
    } catch {
      return {};
    }
  }

  async #writeEntries(): Promise<void> {
    const part = `${this.#path}.part`;
    await mkdir(this.#options.folder, { recursive: true });
    await writeFile(part, JSON.stringify(this.#before.entries));
    await rename(part, this.#path);
  }

  get #path(): string {
    return join(this.#options.folder, "verified.json");
  }
}

/** Errors: ERR_MODEL_KEY, also when there are none: nothing could be trusted. */
export async function trustedKeys(folder: string): Promise<KeyObject[]> {
  const keys = await readTrusted(folder);
  if (keys.length > 0) return keys;
  throw new SightlineError("ERR_MODEL_KEY", `${folder} holds no public keys (*.pem)`);
}
