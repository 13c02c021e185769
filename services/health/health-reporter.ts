import { type Clock, msBetween } from "../../runtime/base/clock.ts";
import type { ErrorRecord } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { readDisk, readTemperature } from "./device.ts";
import type { LoopDelay } from "./event-loop.ts";

/** What this module needs of the others. */
interface Parts {
  clock: Clock;
  logger: Logger;
  loop: { read(): LoopDelay };
  outbox: {
    stats(): Promise<{
      depth: number;
      oldestMs: number;
      dropped: number;
      bytes: number;
      degraded?: ErrorRecord;
    }>;
    counters(pipeline: string): Promise<object>;
    onCommit(listener: () => void): () => void;
  };
  mqtt:
    | {
        setState(topic: string, payload: object, options?: { expiryS?: number }): void;
        status(): { connected: boolean; lastError: ErrorRecord | undefined } | undefined;
      }
    | undefined;
  /** Memory that models take. */
  models?(): object | undefined;
  /** Undefined where no pictures are kept. */
  evidence?(): (object & { error: ErrorRecord | null }) | undefined;
  /** Why the last change of the configuration was refused. */
  configError?(): ErrorRecord | null;
  cameras(): Readonly<Record<string, { stats: CameraCounts }>>;
  pipelines(): readonly string[];
}

interface CameraCounts {
  status: string;
  frames: number;
  dropped: number;
  torn: number;
  stalls: number;
  restarts: number;
  faults: readonly string[];
  lastFrameAtMs: number | undefined;
}

interface Options {
  intervalMs: number;
  /** Whose disk is watched. */
  storePath: string;
}

/** Counters change with each verdict; once a second is often enough to look at. */
const COUNTERS_PERIOD_MS = 1_000;

/** Publishes `health` at an interval and `pipeline/…/counters` while they change. */
export class HealthReporter {
  readonly #parts: Parts;
  readonly #options: Options;
  readonly #startedNs: bigint;
  #intervalMs: number;
  #health: NodeJS.Timeout | undefined;
  #counters: NodeJS.Timeout | undefined;
  #stopListening = () => {};

  constructor(parts: Parts, options: Options) {
    this.#parts = parts;
    this.#options = options;
    this.#startedNs = parts.clock.nowNs();
    this.#intervalMs = options.intervalMs;
  }

  async start(): Promise<void> {
    this.setInterval(this.#intervalMs);
    this.#stopListening = this.#parts.outbox.onCommit(() => {
      this.#counters ??= setTimeout(() => this.#try(this.#publishCounters()), COUNTERS_PERIOD_MS);
    });
    await Promise.all([this.#publishHealth(), this.#publishCounters()]);
  }

  /** Between two records from now on. */
  setInterval(intervalMs: number): void {
    clearInterval(this.#health);
    this.#intervalMs = intervalMs;
    this.#health = setInterval(() => this.#try(this.#publishHealth()), intervalMs);
  }

  /** The last counters go out first. */
  async stop(): Promise<void> {
    clearInterval(this.#health);
    clearTimeout(this.#counters);
    this.#stopListening();
    await this.#publishCounters();
  }

  /** A record that fails is missed, not worth the daemon. */
  #try(work: Promise<void>): void {
    work.catch((error: unknown) => this.#parts.logger.warn({ err: error }, "health was not published"));
  }

  async #publishHealth(): Promise<void> {
    const expiryS = Math.ceil((4 * this.#intervalMs) / 1000);
    this.#parts.mqtt?.setState("health", await this.read(), { expiryS });
  }

  async read() {
    const { cameras, clock, configError, evidence, loop, models, mqtt, outbox } = this.#parts;
    const { depth, oldestMs, dropped, bytes, degraded } = await outbox.stats();
    const status = mqtt?.status();
    const memory = process.memoryUsage();
    return {
      ts: new Date(clock.wallMs()).toISOString(),
      uptime_s: Math.round(msBetween(this.#startedNs, clock.nowNs()) / 1000),
      event_loop: loop.read(),
      memory: { rss_bytes: memory.rss, heap_bytes: memory.heapUsed },
      model_memory: models?.() ?? null,
      temperature_celsius: await readTemperature(),
      disk: await readDisk(this.#options.storePath),
      outbox: { depth, oldest_s: Math.round(oldestMs / 1000), dropped, bytes, error: degraded ?? null },
      evidence: evidence?.() ?? null,
      config: { error: configError?.() ?? null },
      mqtt: { connected: status?.connected ?? false, error: status?.lastError ?? null },
      cameras: Object.fromEntries(
        Object.entries(cameras()).map(([id, { stats }]) => {
          const { faults, lastFrameAtMs, ...counts } = stats;
          return [id, { ...counts, picture_faults: faults, last_frame_ms: lastFrameAtMs ?? null }];
        }),
      ),
    };
  }

  async #publishCounters(): Promise<void> {
    this.#counters = undefined;
    const { mqtt, outbox } = this.#parts;
    for (const pipeline of this.#parts.pipelines()) {
      mqtt?.setState(`pipeline/${pipeline}/counters`, await outbox.counters(pipeline));
    }
  }
}

export type Health = Awaited<ReturnType<HealthReporter["read"]>>;
