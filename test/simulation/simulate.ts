import { SightlineError } from "../../runtime/base/errors.ts";
import { silentLogger } from "../../runtime/base/logger.ts";
import { Semaphore } from "../../runtime/base/semaphore.ts";
import { Turns } from "../../runtime/base/turns.ts";
import { ModelManager } from "../../runtime/loader/model-manager.ts";
import type { Picture } from "../../runtime/pipeline/frame.ts";
import { type BuiltModel, buildModel } from "../../runtime/pipeline/open-model.ts";
import { Slots } from "../../runtime/scheduler/slots.ts";
import { Chance } from "./chance.ts";
import { FakeEngine } from "./fake-engine.ts";
import { fakeKernels } from "./fake-kernels.ts";
import { FakeBundles, FakeStages } from "./fake-stages.ts";
import { Findings } from "./findings.ts";
import { makeScenario, type Scenario } from "./scenario.ts";
import { lineOptions, simulatedLine } from "./simulated-line.ts";
import { VirtualTime } from "./virtual-time.ts";

export interface Outcome {
  seed: number;
  /** What was wrong; empty when nothing was. */
  findings: string[];
  /** Of all cameras, for each of their pipelines. */
  frames: number;
  verdicts: number;
  dropped: number;
  /** Loads, unloads, activations and inference requests that ended, one way or another. */
  requests: number;
}

/** Runs what follows from `seed` to its end. */
export async function simulate(seed: number): Promise<Outcome> {
  const time = new VirtualTime();
  const restore = time.install();
  try {
    return await new Simulation(seed, time).run();
  } finally {
    restore();
  }
}

type SimulatedLine = ReturnType<typeof simulatedLine>;

const REQUESTS = [
  "load",
  "unload",
  "unload",
  "activate",
  "damage",
  "infer",
  "new camera",
  "new rules",
] as const;
const RUN_LIMIT_MS = 60_000;
const PICTURE: Picture = {
  encoding: "raw",
  format: "gray8",
  width: 4,
  height: 4,
  bytes: new Uint8Array(16),
  planes: [{ offset: 0, stride: 4 }],
};

class Simulation {
  readonly #seed: number;
  readonly #time: VirtualTime;
  readonly #chance: Chance;
  readonly #scenario: Scenario;
  readonly #findings = new Findings();
  readonly #engine: FakeEngine;
  readonly #slots: Slots;
  readonly #permits: Semaphore;
  readonly #models: ModelManager<BuiltModel>;
  readonly #lines = new Map<string, SimulatedLine>();
  /** Lines change one after the other, as in the daemon. */
  readonly #reloads = new Turns();
  /** What has been asked for and has not ended. */
  readonly #open = new Map<object, string>();
  readonly #lastFrames = new Map<string, number>();
  readonly #counts = { frames: 0, verdicts: 0, dropped: 0, requests: 0 };
  #isOver = false;

  constructor(seed: number, time: VirtualTime) {
    this.#seed = seed;
    this.#time = time;
    this.#chance = new Chance(seed);
    this.#scenario = makeScenario(this.#chance);
    const { facts, slots } = this.#scenario;
    const [chance, findings] = [this.#chance, this.#findings];
    const engine = new FakeEngine({ time, chance, findings }, this.#scenario);
    this.#engine = engine;
    this.#slots = new Slots(slots);
    this.#permits = new Semaphore(this.#inFlight);
    const bundles = new FakeBundles(time, facts);
    this.#models = new ModelManager<BuiltModel>(
      {
        provider: engine,
        clock: time,
        logger: silentLogger,
        crashes: { quarantineOf: () => undefined, forgive: async () => {} },
        reader: bundles,
        cache: new FakeStages({ bundles, engine, time, chance }),
        build: (name, opened) => this.#build(name, opened),
      },
      {
        models: Object.fromEntries(
          Object.entries(this.#scenario.models).map(([name, { maxBatch, policy }]) => [
            name,
            { ...policy, maxBatch },
          ]),
        ),
        budgetBytes: this.#scenario.residentBytes,
        activationBytes: this.#scenario.activationBytes,
      },
    );
  }

  async run(): Promise<Outcome> {
    this.#ask("start", this.#models.start());
    await this.#time.run(() => this.#open.size === 0);
    for (const id of Object.keys(this.#scenario.cameras)) this.#ask(`line ${id}`, this.#startLine(id));
    this.#ask("requests", this.#askAround());
    await this.#time.run(() => this.#isOver);
    if (!this.#scenario.stopsInTheMiddle) await this.#time.run();
    this.#expectAllEnded("before the stop");
    await this.#stop();
    return { seed: this.#seed, findings: this.#findings.lines, ...this.#counts };
  }

  get #inFlight(): number {
    return this.#scenario.slots + 2;
  }

  #build(name: string, opened: Parameters<typeof buildModel>[1]): BuiltModel {
    const { maxBatch, queueSize, whenFull } = this.#scenario.models[name] ?? {
      ...{ maxBatch: 1, queueSize: undefined, whenFull: "reject" as const },
    };
    const frames = Object.values(this.#scenario.cameras).length * 3 * this.#inFlight;
    return buildModel({ slots: this.#slots, kernels: fakeKernels(this.#time), clock: this.#time }, opened, {
      ...{ inFlight: frames * (this.#scenario.slots + 1), runLimitMs: RUN_LIMIT_MS, weight: 1 },
      ...{ instances: this.#scenario.slots, maxBatch, queueSize, whenFull },
    });
  }

  /** Notes what is asked for until it has ended; how it ends is the asker's matter. */
  #ask(what: string, promise: Promise<unknown>): void {
    const key = {};
    this.#open.set(key, what);
    const end = () => void this.#open.delete(key);
    promise.then(end, (error: unknown) => {
      end();
      if (!(error instanceof SightlineError)) this.#findings.note("untyped error", `${what}: ${error}`);
    });
  }

  async #startLine(id: string): Promise<void> {
    const facts = this.#scenario.cameras[id];
    if (!facts || this.#isOver) return;
    const { line, source } = simulatedLine(
      {
        time: this.#time,
        chance: this.#chance,
        models: this.#models,
        permits: this.#permits,
        inFlight: this.#inFlight,
        runsPerFrame: this.#scenario.slots + 1,
        onAppended: ({ payload, pipeline }) => this.#expectOrder(pipeline, (payload as Result).frame.id),
      },
      id,
      facts,
    );
    await line.open();
    const simulated = { line, source };
    this.#lines.set(id, simulated);
    for (const name of Object.keys(facts.pipelines)) this.#lastFrames.delete(name);
    line.start();
    this.#ask(`frames of ${id}`, this.#push(simulated, id));
  }

  async #push(line: SimulatedLine, id: string): Promise<void> {
    const { burst, periodMs, pipelines } = this.#scenario.cameras[id] as Scenario["cameras"][string];
    const names = Object.keys(pipelines);
    while (!this.#isOver && this.#lines.get(id) === line) {
      await this.#time.wait(periodMs * burst * this.#chance.between(0.5, 1.5));
      for (let i = 0; i < burst; i++) this.#ask(`a frame of ${id}`, this.#pushOne(line, names));
    }
  }

  async #pushOne({ source }: SimulatedLine, pipelines: readonly string[]): Promise<void> {
    const answers = await source.push({ picture: { ...PICTURE } });
    const answered = answers.map(({ pipeline }) => pipeline).sort();
    if (`${answered}` !== `${[...pipelines].sort()}`) this.#findings.note("not answered once", `${answered}`);
    this.#counts.frames += pipelines.length;
    for (const answer of answers) {
      if ("error" in answer) this.#counts.dropped++;
      else this.#counts.verdicts += answer.results.length;
    }
  }

  #expectOrder(pipeline: string, frameId: number): void {
    const before = this.#lastFrames.get(pipeline) ?? 0;
    if (frameId <= before) this.#findings.note("out of order", `${pipeline}: ${frameId} after ${before}`);
    this.#lastFrames.set(pipeline, frameId);
  }

  async #askAround(): Promise<void> {
    const { durationMs, models, requestEveryMs } = this.#scenario;
    while (this.#time.nowMs < durationMs) {
      await this.#time.wait(this.#chance.between(0, 2 * requestEveryMs));
      this.#askSomething(this.#chance.oneOf(Object.keys(models)));
    }
    this.#isOver = true;
  }

  #askSomething(name: string): void {
    const request = this.#chance.oneOf(REQUESTS);
    this.#counts.requests++;
    if (request === "damage") this.#damage();
    else if (request === "new camera")
      this.#ask(
        request,
        this.#reloads.take(() => this.#replaceLine()),
      );
    else if (request === "new rules")
      this.#ask(
        request,
        this.#reloads.take(() => this.#changeRules()),
      );
    else if (request === "infer") this.#ask(`infer ${name}`, this.#infer(name));
    else if (request === "activate") {
      const bundle = `${name}@${this.#chance.whole(1, 3)}`;
      this.#ask(`activate ${bundle}`, this.#models.activate(name, { bundle }));
    } else this.#ask(`${request} ${name}`, this.#models[request](name));
  }

  #damage(): void {
    const { damaged, mapped } = this.#engine;
    if (mapped.length > 0) damaged.add(this.#chance.oneOf(mapped));
  }

  async #replaceLine(): Promise<void> {
    const id = this.#chance.oneOf(Object.keys(this.#scenario.cameras));
    const line = this.#lines.get(id);
    if (!line || this.#isOver) return;
    this.#lines.delete(id);
    await line.line.stop();
    await this.#startLine(id);
  }

  /** Other rules for all pipelines of a camera, which goes on meanwhile. */
  async #changeRules(): Promise<void> {
    const id = this.#chance.oneOf(Object.keys(this.#scenario.cameras));
    const line = this.#lines.get(id)?.line;
    const facts = this.#scenario.cameras[id];
    if (!line || !facts) return;
    const change = await line.prepare(lineOptions(id, facts, this.#chance.between(0.1, 0.5)));
    if (!change) this.#findings.note("made anew", `${id} for other rules`);
    await change?.apply();
  }

  async #infer(name: string): Promise<void> {
    const lease = await this.#models.lease([name]);
    try {
      const data = new Float32Array(16);
      await lease.of(name).infer({ x: { dtype: "float32", dims: [1, 1, 4, 4], data } });
    } finally {
      lease.release();
    }
  }

  async #stop(): Promise<void> {
    const stop = () => Promise.all([...this.#lines.values()].map(({ line }) => line.stop()));
    this.#ask("stop", this.#reloads.take(stop));
    await this.#time.run();
    this.#expectAllEnded("after the cameras' stop");
    this.#expectGivenBack();
    this.#ask("stop of the models", this.#models.stop());
    await this.#time.run();
    this.#expectAllEnded("at the end");
    if (!this.#engine.isEmpty) this.#findings.note("memory left", JSON.stringify(this.#engine.memory()));
  }

  /** Time has nothing more to bring, so what has not ended never will. */
  #expectAllEnded(when: string): void {
    if (when === "before the stop" && this.#scenario.stopsInTheMiddle) return;
    if (this.#open.size === 0) return;
    const waiting = [...new Set(this.#open.values())].slice(0, 8).join(", ");
    this.#findings.note("stands still", `${when} ${this.#open.size} wait for ever: ${waiting}`);
  }

  #expectGivenBack(): void {
    for (const { leases, name } of this.#models.status()) {
      if (leases > 0) this.#findings.note("leases left", `${leases} of ${name}`);
    }
    const free: number[] = [];
    const access = this.#slots.join({
      weight: 1,
      dueMs: 0,
      start: (slot) => {
        if (free.length >= this.#scenario.slots) return false;
        free.push(slot);
        return true;
      },
    });
    access.request();
    if (free.length < this.#scenario.slots) this.#findings.note("slots left", `${free} are free`);
    for (const slot of free) access.release(slot, 0);
  }
}

interface Result {
  frame: { id: number };
}
