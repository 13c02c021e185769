import { SightlineError } from "../../runtime/base/errors.ts";
import type {
  ExecutionProvider,
  ProviderMemory,
  RunOptions,
  Session,
  SessionMemory,
  WeightsFile,
} from "../../runtime/session/execution-provider.ts";
import { elementCount, type NamedTensors, type TensorSpec } from "../../runtime/tensor/tensor.ts";
import type { Chance } from "./chance.ts";
import type { Findings } from "./findings.ts";
import type { VirtualTime } from "./virtual-time.ts";

export interface Piece {
  name: string;
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
  residentBytes: number;
  activationBytes: number;
  runMs: number;
  file: WeightsFile | undefined;
}

interface Deps {
  time: VirtualTime;
  chance: Chance;
  findings: Findings;
}

/** Runs that fail, one in so many. */
const RUNS_PER_FAILURE = 200;

/**
 * Slots without threads behind them: a run only takes time and memory. It notes what no caller of an engine may do: two
 * runs on one slot at once, a run of an unloaded session, more memory than there is.
 */
export class FakeEngine implements ExecutionProvider {
  readonly name = "fake";
  readonly runtimeVersion = "0";
  readonly slots: number;
  readonly damaged = new Set<string>();
  /** Files that are mapped now; one that is mapped twice stands here twice. */
  readonly mapped: string[] = [];
  readonly #deps: Deps;
  readonly #budgets: { residentBytes: number; activationBytes: number };
  readonly #busy = new Map<number, string>();
  #residentBytes = 0;
  #activationBytes = 0;

  constructor(
    deps: Deps,
    { slots, ...budgets }: { slots: number; residentBytes: number; activationBytes: number },
  ) {
    this.#deps = deps;
    this.slots = slots;
    this.#budgets = budgets;
  }

  start(): void {}
  async close(): Promise<void> {}

  load(): Promise<Session> {
    throw new Error("stages are opened as they were prepared");
  }

  async map(path: string): Promise<WeightsFile> {
    this.mapped.push(path);
    const close = () => void this.mapped.splice(this.mapped.indexOf(path), 1);
    return { path, bytes: 1, isIntact: () => !this.damaged.has(path), residentBytes: () => 0, close };
  }

  memory(): ProviderMemory {
    const activationBytes = this.#activationBytes;
    return {
      weightsBytes: this.#residentBytes,
      activationBytes,
      activationPeakBytes: activationBytes,
      heldBytes: this.#residentBytes + activationBytes,
    };
  }

  /** Errors: ERR_MODEL_LOAD, once in a while. */
  async open(piece: Piece): Promise<Session> {
    const { chance, time } = this.#deps;
    this.#hold(piece.residentBytes);
    await time.wait(chance.between(1, 40));
    if (chance.oneIn(25)) {
      this.#hold(-piece.residentBytes);
      throw new SightlineError("ERR_MODEL_LOAD", "the simulated file cannot be opened");
    }
    return new FakeSession(this, piece, () => this.#hold(-piece.residentBytes));
  }

  async run(slot: number, piece: Piece, options: RunOptions, rows: number): Promise<void> {
    const { chance, findings, time } = this.#deps;
    const other = this.#busy.get(slot);
    if (other !== undefined)
      findings.note("slot used twice", `${piece.name} runs beside ${other} on ${slot}`);
    if (slot < 0 || slot >= this.slots) findings.note("no such slot", `${slot}`);
    this.#busy.set(slot, piece.name);
    this.#activate(rows * piece.activationBytes);
    await time.wait(piece.runMs * rows * chance.between(0.8, 1.5));
    this.#activate(-rows * piece.activationBytes);
    this.#busy.delete(slot);
    if (piece.file && this.damaged.has(piece.file.path)) throw error("ERR_MODEL_DIGEST");
    if (chance.oneIn(RUNS_PER_FAILURE)) throw error(chance.oneOf(["ERR_SESSION_RUN", "ERR_SESSION_TIMEOUT"]));
    options.signal?.throwIfAborted();
  }

  note(kind: string, detail: string): void {
    this.#deps.findings.note(kind, detail);
  }

  /** When every session is unloaded and every run has ended. */
  get isEmpty(): boolean {
    return (
      this.#residentBytes === 0 &&
      this.#activationBytes === 0 &&
      this.#busy.size === 0 &&
      this.mapped.length === 0
    );
  }

  #hold(bytes: number): void {
    this.#residentBytes += bytes;
    this.#check("model budget exceeded", this.#residentBytes, this.#budgets.residentBytes);
  }

  #activate(bytes: number): void {
    this.#activationBytes += bytes;
    this.#check("activation budget exceeded", this.#activationBytes, this.#budgets.activationBytes);
  }

  #check(kind: string, bytes: number, limitBytes: number): void {
    if (bytes > limitBytes) this.#deps.findings.note(kind, `${bytes} of ${limitBytes}`);
  }
}

const error = (code: "ERR_MODEL_DIGEST" | "ERR_SESSION_RUN" | "ERR_SESSION_TIMEOUT") =>
  new SightlineError(code, "simulated");

class FakeSession implements Session {
  readonly #engine: FakeEngine;
  readonly #piece: Piece;
  readonly #onUnloaded: () => void;
  readonly #running = new Set<Promise<void>>();
  #isUnloaded = false;

  constructor(engine: FakeEngine, piece: Piece, onUnloaded: () => void) {
    this.#engine = engine;
    this.#piece = piece;
    this.#onUnloaded = onUnloaded;
  }

  get inputs(): readonly TensorSpec[] {
    return this.#piece.inputs;
  }

  get outputs(): readonly TensorSpec[] {
    return this.#piece.outputs;
  }

  async run(slot: number, feeds: NamedTensors, options: RunOptions = {}): Promise<NamedTensors> {
    if (this.#isUnloaded) this.#engine.note("run after unload", this.#piece.name);
    const rows = Math.max(...Object.values(feeds).map(({ dims }) => dims[0] ?? 1));
    const running = this.#engine.run(slot, this.#piece, options, rows);
    this.#running.add(running);
    try {
      await running;
    } finally {
      this.#running.delete(running);
    }
    return Object.fromEntries(this.#piece.outputs.map((spec) => [spec.name, made(spec, options, rows)]));
  }

  async unload(): Promise<void> {
    if (this.#isUnloaded) return;
    this.#isUnloaded = true;
    await Promise.allSettled(this.#running);
    this.#onUnloaded();
  }

  memory(): SessionMemory {
    return { weightsBytes: 0, activationPeakBytes: 0, mappedBytes: 0 };
  }

  async prefetch(): Promise<void> {}
}

function made({ dims, dtype, name }: TensorSpec, { outputs = {} }: RunOptions, rows: number) {
  const given = outputs[name];
  if (given) return given;
  const shape = [rows, ...dims.slice(1)];
  return { dtype, dims: shape, data: new Float32Array(elementCount(shape)).fill(0.9) };
}
