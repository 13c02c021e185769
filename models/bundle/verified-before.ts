import { type FileIdentity, isSameFile } from "./file-identity.ts";

/** What was verified, under the file's path. */
export type VerifiedEntries = Record<string, { sha256: string; identity: FileIdentity; atMs: number }>;

/** File systems that count time in seconds, or two (FAT), do not tell a change from what was there before it. */
const COARSE_MS = 2_000;

/**
 * Files whose digest was compared already: one that the file system says is unchanged since need not be read again.
 * Its time of change cannot be set by programs, so whoever changes a file unseen has the disk itself in hands.
 */
export class VerifiedBefore {
  readonly #entries: Map<string, VerifiedEntries[string]>;

  constructor(entries: VerifiedEntries = {}) {
    this.#entries = new Map(Object.entries(entries));
  }

  has(path: string, sha256: string, identity: FileIdentity): boolean {
    const entry = this.#entries.get(path);
    return entry !== undefined && entry.sha256 === sha256 && isSameFile(entry.identity, identity);
  }

  /** `identity` of before it was read; a file that changed a moment ago is not remembered. `nowMs` is wall time. */
  add(
    path: string,
    { sha256, identity, nowMs }: { sha256: string; identity: FileIdentity; nowMs: number },
  ): void {
    const changedMs = Number(BigInt(identity.changedNs) / 1_000_000n);
    if (changedMs > nowMs - COARSE_MS) return;
    this.#entries.set(path, { sha256, identity, atMs: nowMs });
  }

  get count(): number {
    return this.#entries.size;
  }

  get entries(): VerifiedEntries {
    return Object.fromEntries(this.#entries);
  }
}
