import { readdir, rm, rmdir, stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { Verdict } from "../../runtime/pipeline/decide.ts";
import { hourPath, hourStartMs, VERDICTS } from "./evidence-path.ts";

export interface RetentionOptions {
  folder: string;
  bytesMax: number;
  /** Limits of single verdicts beside the one for all. */
  bytesMaxOf: Readonly<{ [V in Verdict]?: number | undefined }>;
  ageMsMax: number;
  /** Share of the file system that stays free, 0 to 100. */
  freePercentMin: number;
}

export interface Space {
  free: number;
  total: number;
}

type Sizes = Record<Verdict, number>;

const HOUR_MS = 3_600_000;

/**
 * Decides what goes when room runs out: what is too old, then the oldest pictures of the verdict that is above its
 * limit, then the oldest passes before errors before reviews before fails. Knows the bytes of each hour by verdict;
 * the files themselves are looked at only when some have to go.
 */
export class Retention {
  readonly #options: RetentionOptions;
  readonly #space: (path: string) => Promise<Space>;
  readonly #hours = new Map<string, Sizes>();
  #scanned = false;
  deleted = 0;

  constructor(deps: { space: (path: string) => Promise<Space> }, options: RetentionOptions) {
    this.#space = deps.space;
    this.#options = options;
  }

  get bytes(): number {
    return VERDICTS.reduce((sum, verdict) => sum + this.#bytesOf(verdict), 0);
  }

  /** Looks at what is there. Nothing but the free space is watched before. */
  async scan(): Promise<void> {
    for (const hour of await hoursBelow(this.#options.folder)) {
      this.#hours.set(hour, await sizesIn(join(this.#options.folder, hour)));
    }
    this.#scanned = true;
  }

  add(verdict: Verdict, capturedAtMs: number, bytes: number): void {
    const hour = hourPath(capturedAtMs);
    const sizes = this.#hours.get(hour) ?? nothing();
    sizes[verdict] += bytes;
    this.#hours.set(hour, sizes);
  }

  /** Deletes until `bytes` more fit. Errors: ERR_EVIDENCE_SPACE. */
  async makeRoom(verdict: Verdict, bytes: number, nowMs: number): Promise<void> {
    const { bytesMax, bytesMaxOf } = this.#options;
    if (this.#scanned) {
      await this.#deleteAged(nowMs);
      const limit = bytesMaxOf[verdict] ?? bytesMax;
      await this.#deleteOldest(verdict, this.#bytesOf(verdict) + bytes - limit);
      await this.#free(this.bytes + bytes - bytesMax);
    }
    await this.#keepFloor(bytes);
  }

  async #keepFloor(bytes: number): Promise<void> {
    const lacking = async (): Promise<number> => {
      const { free, total } = await this.#space(this.#options.folder);
      return Math.ceil((total * this.#options.freePercentMin) / 100) + bytes - free;
    };
    const before = await lacking();
    if (before <= 0) return;
    await this.#free(before);
    if ((await lacking()) <= 0) return;
    const { folder, freePercentMin } = this.#options;
    throw new SightlineError("ERR_EVIDENCE_SPACE", `${folder}: less than ${freePercentMin} % would be free`);
  }

  async #free(bytes: number): Promise<void> {
    let left = bytes;
    for (const verdict of VERDICTS) left -= await this.#deleteOldest(verdict, left);
  }

  async #deleteAged(nowMs: number): Promise<void> {
    for (const hour of this.#oldestFirst()) {
      if (hourStartMs(hour) + HOUR_MS + this.#options.ageMsMax > nowMs) return;
      for (const verdict of VERDICTS) await this.#deleteOldest(verdict, Number.POSITIVE_INFINITY, [hour]);
    }
  }

  /** Resolves with the bytes that went. */
  async #deleteOldest(verdict: Verdict, bytes: number, hours = this.#oldestFirst()): Promise<number> {
    let gone = 0;
    for (const hour of hours) {
      if (gone >= bytes) break;
      const sizes = this.#hours.get(hour);
      if (!sizes || sizes[verdict] === 0) continue;
      const fromHour = await this.#deleteIn(hour, verdict, bytes - gone);
      gone += fromHour;
      // Where less went than was asked for, nothing of it is left, whatever we believed: someone else may delete too.
      sizes[verdict] = gone < bytes ? 0 : Math.max(0, sizes[verdict] - fromHour);
      if (VERDICTS.every((v) => sizes[v] === 0)) this.#hours.delete(hour);
    }
    return gone;
  }

  async #deleteIn(hour: string, verdict: Verdict, bytes: number): Promise<number> {
    const folder = join(this.#options.folder, hour);
    let gone = 0;
    for (const id of (await namesIn(folder)).sort()) {
      if (gone >= bytes) return gone;
      for (const name of (await namesIn(join(folder, id))).filter((n) => n.startsWith(`${verdict}-`))) {
        const file = join(folder, id, name);
        gone += await sizeOf(file);
        await rm(file, { force: true });
        this.deleted++;
      }
      await removeEmpty(join(folder, id), this.#options.folder);
    }
    return gone;
  }

  #bytesOf(verdict: Verdict): number {
    return this.#hours.values().reduce((sum, sizes) => sum + sizes[verdict], 0);
  }

  #oldestFirst(): string[] {
    return [...this.#hours.keys()].sort();
  }
}

const nothing = (): Sizes => ({ pass: 0, error: 0, review: 0, fail: 0 });

/** `2026/11/21/22`, … */
async function hoursBelow(folder: string): Promise<string[]> {
  let paths = [""];
  for (let depth = 0; depth < 4; depth++) {
    const below = paths.map(async (path) =>
      (await namesIn(join(folder, path))).map((name) => join(path, name)),
    );
    paths = (await Promise.all(below)).flat();
  }
  return paths.filter((path) => !Number.isNaN(hourStartMs(path)));
}

async function sizesIn(hour: string): Promise<Sizes> {
  const sizes = nothing();
  for (const id of await namesIn(hour)) {
    for (const name of await namesIn(join(hour, id))) {
      const verdict = VERDICTS.find((v) => name.startsWith(`${v}-`));
      if (verdict) sizes[verdict] += await sizeOf(join(hour, id, name));
    }
  }
  return sizes;
}

/** What is not there, or is no folder, has no names in it. */
const namesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

const sizeOf = (file: string): Promise<number> =>
  stat(file).then(
    ({ size }) => size,
    () => 0,
  );

/** And the folders above it that are empty then, up to the root. */
async function removeEmpty(folder: string, root: string): Promise<void> {
  for (let path = folder; path !== root; path = dirname(path)) {
    try {
      await rmdir(path);
    } catch {
      return;
    }
  }
}
