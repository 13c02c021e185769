import { Counter, Gauge, Histogram, Registry } from "prom-client";
import type { ModelMemory, ModelStatus } from "../../runtime/loader/model-status.ts";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import type { BatchRecord } from "../../runtime/scheduler/batch-log.ts";

/** What is true at the moment of asking. */
export interface Snapshot {
  uptime_s: number;
  event_loop: { p50_ms: number; p99_ms: number; max_ms: number };
  memory: { rss_bytes: number };
  temperature_celsius: number | null;
  disk: { free_bytes: number } | null;
  outbox: { depth: number; oldest_s: number; dropped: number };
  mqtt: { connected: boolean };
  cameras: Readonly<Record<string, CameraSnapshot>>;
  models: readonly ModelStatus[];
  model_memory: ModelMemory | undefined;
}

interface CameraSnapshot {
  status: string;
  frames: number;
  dropped: number;
  torn: number;
  stalls: number;
  restarts: number;
}

const SECONDS = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5];
const SIZES = [1, 2, 4, 8, 16, 32, 64];
const CAMERA_COUNTS = ["frames", "dropped", "torn", "stalls", "restarts"] as const;

/** Counts what happens, and puts it into Prometheus' text format together with what is true now; docs/metrics.md has the list. */
export class Metrics {
  readonly #snapshot: () => Promise<Snapshot>;
  readonly #registry = new Registry();
  readonly #results: Counter;
  readonly #late: Counter;
  readonly #stages: Histogram;
  readonly #batches: Counter;
  readonly #sizes: Histogram;
  readonly #runs: Histogram;
  readonly #dropped: Counter;

  constructor(snapshot: () => Promise<Snapshot>) {
    this.#snapshot = snapshot;
    const registers = [this.#registry];
    const counter = (name: string, help: string, labelNames: string[]) =>
      new Counter({ name: `sightline_${name}`, help, labelNames, registers });
    const histogram = (name: string, help: string, labelNames: string[], buckets: number[]) =>
      new Histogram({ name: `sightline_${name}`, help, labelNames, buckets, registers });
    this.#results = counter("results_total", "Results by verdict.", ["pipeline", "verdict"]);
    this.#late = counter("deadline_missed_total", "Frames decided after their deadline.", ["pipeline"]);
    this.#stages = histogram(
      "frame_seconds",
      "Time of a frame by stage: pre, queue, infer, post, and total from capture to decision.",
      ["pipeline", "stage"],
      SECONDS,
    );
    this.#batches = counter("batches_total", "Batches by the reason for their size.", ["model", "reason"]);
    this.#sizes = histogram("batch_size", "Requests in one batch.", ["model"], SIZES);
    this.#runs = histogram("run_seconds", "Duration of a run.", ["model"], SECONDS);
    this.#dropped = counter(
      "requests_dropped_total",
      "Requests dropped because they would have missed their deadline.",
      ["model"],
    );
  }

  countResult({ pipeline, timing_ms: timing, verdict }: InspectionResult): void {
    this.#results.inc({ pipeline, verdict });
    if (timing.deadline_missed) this.#late.inc({ pipeline });
    for (const stage of ["pre", "queue", "infer", "post", "total"] as const) {
      const ms = timing[stage];
      if (typeof ms === "number") this.#stages.observe({ pipeline, stage }, ms / 1_000);
    }
  }

  countBatch({ dropped, model, reason, runMs, size }: BatchRecord): void {
    this.#batches.inc({ model, reason });
    this.#sizes.observe({ model }, size);
    this.#runs.observe({ model }, runMs / 1_000);
    if (dropped > 0) this.#dropped.inc({ model }, dropped);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    const now = new Registry();
    fill(now, await this.#snapshot());
    return `${await this.#registry.metrics()}\n${await now.metrics()}`;
  }
}

/** A registry of its own each time, so that a camera that is gone leaves nothing behind. */
function fill(registry: Registry, now: Snapshot): void {
  const registers = [registry];
  const set = (name: string, help: string, value: number | null | undefined) => {
    if (value === null || value === undefined) return;
    new Gauge({ name: `sightline_${name}`, help, registers }).set(value);
  };
  const labelled = (name: string, help: string, labelNames: string[]) =>
    new Gauge({ name: `sightline_${name}`, help, labelNames, registers });
  set("uptime_seconds", "Time since the daemon started.", now.uptime_s);
  set("resident_memory_bytes", "Resident memory of the daemon's process.", now.memory.rss_bytes);
  set("event_loop_delay_p99_seconds", "Delay of the main thread's timers.", now.event_loop.p99_ms / 1_000);
  set("temperature_celsius", "Temperature of the processor.", now.temperature_celsius);
  set("disk_free_bytes", "Free space on the disk of the result store.", now.disk?.free_bytes);
  set("outbox_depth", "Results that the broker has not acknowledged yet.", now.outbox.depth);
  set("outbox_oldest_seconds", "Age of the oldest result that is not acknowledged yet.", now.outbox.oldest_s);
  set("outbox_dropped", "Results dropped because the store was full.", now.outbox.dropped);
  set("mqtt_connected", "1 while connected to the broker.", Number(now.mqtt.connected));
  fillCameras(labelled, now);
  fillModels(labelled, set, now);
}

type Labelled = (name: string, help: string, labelNames: string[]) => Gauge;

function fillCameras(labelled: Labelled, { cameras }: Snapshot): void {
  const up = labelled("camera_online", "1 while the camera delivers frames.", ["camera"]);
  const counts = labelled("camera_frames", "Frames and incidents since the start, by kind.", [
    "camera",
    "what",
  ]);
  for (const [camera, stats] of Object.entries(cameras)) {
    up.set({ camera }, Number(stats.status === "online"));
    for (const what of CAMERA_COUNTS) counts.set({ camera, what }, stats[what]);
  }
}

function fillModels(
  labelled: Labelled,
  set: (name: string, help: string, value: number | undefined) => void,
  { model_memory: memory, models }: Snapshot,
): void {
  const state = labelled("model_state", "1 for the state that the model is in.", ["model", "state"]);
  const loads = labelled("model_loads", "How often the model was opened.", ["model"]);
  const evictions = labelled("model_evictions", "How often the model was evicted or unloaded.", ["model"]);
  for (const model of models) {
    state.set({ model: model.name, state: model.state }, 1);
    loads.set({ model: model.name }, model.loads);
    evictions.set({ model: model.name }, model.evictions);
  }
  set("model_resident_bytes", "Weights and sessions of all models.", memory?.resident_bytes);
  set("model_budget_bytes", "Budget for the weights and sessions of all models.", memory?.budget_bytes);
  set("activation_bytes", "Memory of the activations of all runs in flight.", memory?.activation_bytes);
  set("activation_peak_bytes", "Peak of activation_bytes.", memory?.activation_peak_bytes);
  set("model_memory_fragmentation", "Share of the allocated memory that is unused.", memory?.fragmentation);
}
