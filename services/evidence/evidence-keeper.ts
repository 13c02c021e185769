import { rm, statfs } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Clock } from "../../runtime/base/clock.ts";
import { type ErrorRecord, SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { makeFolder } from "../../runtime/base/make-folder.ts";
import type { Verdict } from "../../runtime/pipeline/decide.ts";
import type { Detection } from "../../runtime/pipeline/detection.ts";
import type { Size } from "../../runtime/pipeline/fit.ts";
import type { Picture } from "../../runtime/pipeline/frame.ts";
import type { EvidenceLink } from "../../runtime/pipeline/result.ts";
import { encodeJpeg } from "../../runtime/pipeline/still-image.ts";
import { annotate } from "./annotate.ts";
import { type About, evidencePath, extensionOf, isEvidencePath } from "./evidence-path.ts";
import { Retention, type RetentionOptions, type Space } from "./retention.ts";
import { isKept, type SelectionOptions } from "./selection.ts";
import { writeWhole } from "./write-file.ts";

export interface EvidenceOptions extends SelectionOptions, RetentionOptions {
  /** A result waits this long for its pictures, so that it can say their digests; see docs/adr/0009. */
  linkWaitMs?: number;
}

/** A judged frame whose pictures may be kept. */
export interface Subject extends About {
  picture: Picture;
  /** Undefined when the picture could not be read; then it is kept as it came. */
  source: Size | undefined;
  detections: readonly Detection[];
}

/** What a result may say of its evidence. */
export interface Kept {
  links: readonly EvidenceLink[];
  error: ErrorRecord | null;
}

export interface EvidenceStats {
  written: number;
  /** Not kept because too many were being written. */
  dropped: number;
  /** Not kept because of the disk. */
  failed: number;
  /** Kept, but after their result was stored. */
  late: number;
  deleted: number;
  bytes: number;
  error: ErrorRecord | null;
}

interface Deps {
  logger: Logger;
  clock: Clock;
  space?: (path: string) => Promise<Space>;
  write?: typeof writeWhole;
}

/** Frames whose pictures are copied, encoded or written, and the memory that these copies may take. */
const QUEUE_MAX = 8;
const QUEUE_BYTES_MAX = 256 * 2 ** 20;
/** Enough for a sound disk. */
const LINK_WAIT_MS = 250;
const SWEEP_MS = 10 * 60_000;
const RAW_QUALITY = 95;
const NOTHING: Kept = { links: [], error: null };

/** Keeps pictures of what was judged, one frame at a time and never in the way of the next. */
export class EvidenceKeeper {
  readonly #deps: Required<Deps>;
  readonly #options: Required<EvidenceOptions>;
  readonly #retention: Retention;
  readonly #count = { written: 0, dropped: 0, failed: 0, late: 0 };
  #queued = 0;
  #queuedBytes = 0;
  #last: Promise<unknown> = Promise.resolve();
  #scan: Promise<void> = Promise.resolve();
  #sweep: NodeJS.Timeout | undefined;
  #error: SightlineError | undefined;

  constructor(deps: Deps, options: EvidenceOptions) {
    this.#deps = { space: readSpace, write: writeWhole, ...deps };
    this.#options = { linkWaitMs: LINK_WAIT_MS, ...options };
    this.#retention = new Retention(this.#deps, options);
  }

  get stats(): EvidenceStats {
    const { bytes, deleted } = this.#retention;
    return { ...this.#count, deleted, bytes, error: this.#error?.toRecord() ?? null };
  }

  /** Does not wait until all that is there has been looked at. */
  async start(): Promise<void> {
    // What a killed process left half-written.
    await rm(this.#temporary, { recursive: true, force: true }).catch(() => {});
    this.#scan = this.#retention.scan().then(
      () => this.#sweepNext(),
      (error: unknown) => void this.#failed(error),
    );
    this.#sweep = setInterval(() => this.#sweepNext(), SWEEP_MS);
  }

  /** Writes what waits. */
  async stop(): Promise<void> {
    clearInterval(this.#sweep);
    await this.#scan;
    await this.#last;
  }

  /** Where a link leads; undefined when the path is none. */
  fileOf(path: string): string | undefined {
    return isEvidencePath(path) ? join(this.#options.folder, path) : undefined;
  }

  /**
   * Never rejects, and takes no longer than a result may wait. `own` makes a copy of the picture; it is called at
   * once, or not at all.
   */
  keep(subject: Subject, own: () => Promise<Picture>): Promise<Kept> {
    if (subject.picture.bytes.byteLength === 0 || !isKept(subject, this.#options))
      return Promise.resolve(NOTHING);
    const bytes = copyBytes(subject.picture);
    // The first is taken however large it is.
    if (this.#queued >= QUEUE_MAX || (this.#queued > 0 && this.#queuedBytes + bytes > QUEUE_BYTES_MAX)) {
      this.#count.dropped++;
      const error = new SightlineError("ERR_EVIDENCE_BUSY", `${this.#queued} frames are already waiting`);
      return Promise.resolve({ links: [], error: error.toRecord() });
    }
    this.#queued++;
    this.#queuedBytes += bytes;
    const copy = own();
    // Its failure is met in its turn.
    copy.catch(() => {});
    const done = this.#last
      .then(() => this.#keep(subject, copy))
      .finally(() => {
        this.#queued--;
        this.#queuedBytes -= bytes;
      });
    this.#last = done;
    return this.#inTime(subject, done);
  }

  async #inTime(subject: Subject, done: Promise<Kept>): Promise<Kept> {
    const timer = new AbortController();
    const late = sleep(this.#options.linkWaitMs, undefined, { signal: timer.signal }).catch(() => {});
    const kept = await Promise.race([done, late]);
    timer.abort();
    if (kept) return kept;
    this.#count.late++;
    const links = kindsOf(subject).map((kind) => ({ kind, path: pathOf(subject, kind), ...PENDING }));
    return { links, error: null };
  }

  async #keep(subject: Subject, copy: Promise<Picture>): Promise<Kept> {
    const links: EvidenceLink[] = [];
    try {
      const picture = await copy;
      for (const kind of kindsOf(subject)) links.push(await this.#keepOne(subject, kind, picture));
      this.#recovered();
      return { links, error: null };
    } catch (error) {
      this.#count.failed++;
      return { links, error: this.#failed(error).toRecord() };
    }
  }

  async #keepOne(subject: Subject, kind: EvidenceLink["kind"], picture: Picture): Promise<EvidenceLink> {
    const { capturedAtMs, verdict } = subject;
    const content = await encode(subject, kind, picture);
    await this.#makeRoom(verdict, content.byteLength);
    const path = pathOf(subject, kind);
    const options = { temporary: this.#temporary, durable: verdict !== "pass" };
    await this.#deps.write(join(this.#options.folder, path), content, options);
    this.#retention.add(verdict, capturedAtMs, content.byteLength);
    this.#count.written++;
    return { kind, path, state: "written", sha256: await sha256(content), bytes: content.byteLength };
  }

  /** Pictures grow old, and disks full, also while none is written. */
  #sweepNext(): void {
    const swept = this.#last.then(() => this.#makeRoom("pass", 0));
    this.#last = swept.catch((error: unknown) => this.#failed(error));
  }

  async #makeRoom(verdict: Verdict, bytes: number): Promise<void> {
    // Each time: someone may delete it under us.
    makeFolder(this.#temporary);
    await this.#retention.makeRoom(verdict, bytes, this.#deps.clock.wallMs());
  }

  get #temporary(): string {
    return join(this.#options.folder, ".tmp");
  }

  /** Logs the first failure, another one, and in `#recovered` that it is over. */
  #failed(error: unknown): SightlineError {
    const known = this.#error;
    this.#error = SightlineError.wrap("ERR_EVIDENCE_WRITE", error);
    if (this.#error.message !== known?.message)
      this.#deps.logger.error({ error: this.#error.toRecord() }, "evidence cannot be kept");
    return this.#error;
  }

  #recovered(): void {
    if (this.#error) this.#deps.logger.info({}, "evidence is kept again");
    this.#error = undefined;
  }
}

const PENDING = { state: "pending", sha256: null, bytes: null } as const;

const copyBytes = (picture: Picture): number =>
  picture.encoding === "still" ? picture.bytes.byteLength : picture.width * picture.height * 3;

/** A drawing without a box would be the picture again. */
const kindsOf = ({ detections, source }: Subject): EvidenceLink["kind"][] =>
  source && detections.length > 0 ? ["raw", "annotated"] : ["raw"];

const pathOf = (subject: Subject, kind: EvidenceLink["kind"]): string =>
  evidencePath(subject, kind, kind === "raw" ? extensionOf(subject.picture) : "jpg");

async function encode(subject: Subject, kind: EvidenceLink["kind"], picture: Picture): Promise<Uint8Array> {
  if (kind === "annotated" && subject.source) return annotate(picture, subject.source, subject.detections);
  return picture.encoding === "still" ? picture.bytes : encodeJpeg(picture, { quality: RAW_QUALITY });
}

/** Off the event loop, unlike `createHash`. */
async function sha256(content: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", Uint8Array.from(content));
  return Buffer.from(digest).toString("hex");
}

async function readSpace(path: string): Promise<Space> {
  const { bavail, blocks, bsize } = await statfs(path);
  return { free: bavail * bsize, total: blocks * bsize };
}
