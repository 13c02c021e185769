import type { Bundle } from "../../models/bundle/bundle.ts";
import type { ErrorRecord, SightlineError } from "../base/errors.ts";
import type { BundleSource } from "./bundle-reader.ts";
import type { StreamPolicy } from "./mode-plan.ts";
import type { ModelState, ModelStatus } from "./model-status.ts";
import { digestOf, type ModelVersion } from "./model-version.ts";
import type { RunNeed } from "./run-need.ts";

export interface ModelPolicy extends BundleSource {
  preload: boolean;
  /** Never makes room for others. */
  pin: boolean;
  /** Without a frame for so long it gives its memory back. */
  idleUnloadMs?: number | undefined;
  stream: StreamPolicy;
  /** Frames that one run may take; left out: one. */
  maxBatch?: number | undefined;
  /** Runs that may be under way at once; left out: as many as there are slots. */
  instances?: number | undefined;
}

/** A version in memory, with what was built of it. */
export interface Live<T> {
  version: ModelVersion;
  value: T;
  runs: RunNeed;
  /** Frames that use it now, and whoever waits for the rest of a frame's models. */
  leases: number;
  /** Settles once it has given its memory back; set when it is to. */
  closing?: PromiseWithResolvers<void>;
  idle?: NodeJS.Timeout | undefined;
}

/** A failure is not repeated with every frame: after it so much time passes first, and twice that after the next. */
const RETRY_MS = { first: 1_000, max: 30_000 };

/** What is known of one model of the configuration. */
export class ModelEntry<T> {
  readonly name: string;
  /** Where it comes from changes when it goes over to another variant or bundle. */
  policy: ModelPolicy;
  /** Ready for frames. */
  live: Live<T> | undefined;
  isOpening = false;
  /** Where the bundle is that is in use; a link in the configuration may lead elsewhere by now. */
  bundle: Bundle | undefined;
  /** Rises with each frame: the smallest was used least recently. */
  usedAt = 0;
  isQuarantined = false;
  loads = 0;
  evictions = 0;
  openMs: number | null = null;
  #failure: { error: SightlineError; record: ErrorRecord & { at: string }; retryAtMs: number } | undefined;
  #failures = 0;

  constructor(name: string, policy: ModelPolicy) {
    this.name = name;
    this.policy = policy;
  }

  /** Open, and not about to go. */
  get isReady(): boolean {
    return this.live !== undefined && this.live.closing === undefined;
  }

  get state(): ModelState {
    if (this.live?.closing) return "evicting";
    if (this.live) return this.live.version.isStreaming ? "streaming" : "warm";
    if (this.isOpening) return "opening";
    return this.isQuarantined ? "quarantined" : "cold";
  }

  /** What it failed with a moment ago, if it is too early to try again. */
  failureAt(nowMs: number): SightlineError | undefined {
    return this.#failure && nowMs < this.#failure.retryAtMs ? this.#failure.error : undefined;
  }

  /** `nowMs` is monotonic, `wallMs` of the calendar. */
  failed(error: SightlineError, { nowMs, wallMs }: { nowMs: number; wallMs: number }): void {
    const waitMs = Math.min(RETRY_MS.max, RETRY_MS.first * 2 ** this.#failures++);
    const record = { ...error.toRecord(), at: new Date(wallMs).toISOString() };
    this.#failure = { error, record, retryAtMs: nowMs + waitMs };
  }

  opened(openMs: number): void {
    this.loads++;
    this.openMs = Math.round(openMs * 10) / 10;
  }

  /** What it failed with before stays on record. */
  succeeded(): void {
    this.#failures = 0;
  }

  /** The next frame tries again at once; what it failed with stays on record. */
  retry(): void {
    this.#failures = 0;
    if (this.#failure) this.#failure.retryAtMs = 0;
  }

  status(): ModelStatus {
    const { bundle, live, name } = this;
    return {
      name,
      state: this.state,
      bundle: bundle ? identityOf(bundle) : null,
      pinned: this.policy.pin,
      leases: live?.leases ?? 0,
      anonymous_bytes: live?.version.need("anonymousBytes") ?? 0,
      mapped_bytes: live?.version.mappedBytes ?? 0,
      activation_bytes: live?.runs.activationBytes ?? 0,
      loads: this.loads,
      evictions: this.evictions,
      open_ms: this.openMs,
      last_error: this.#failure?.record ?? null,
    };
  }
}

const identityOf = (bundle: Bundle) => ({
  name: bundle.manifest.name,
  version: bundle.manifest.version,
  sha256: digestOf(bundle),
  variant: bundle.variant.name,
});
