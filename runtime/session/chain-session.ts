import { SightlineError } from "../base/errors.ts";
import { freeTensor, type NamedTensors, type TensorSpec } from "../tensor/tensor.ts";
import { checkFeeds, checkFetches } from "./check-tensors.ts";
import type {
  ExecutionProvider,
  LoadOptions,
  RunOptions,
  Session,
  SessionMemory,
} from "./execution-provider.ts";

export type Specs = Pick<Session, "inputs" | "outputs">;

interface Link {
  session: Session;
  takes: ReadonlySet<string>;
  makes: ReadonlySet<string>;
  /** Tensors that are still wanted behind it. */
  keeps: ReadonlySet<string>;
}

/**
 * A model in stages: each takes what the model is fed and what stages before it made, by name. Tensors are handed
 * on as they are, and let go once no stage waits for them.
 */
export class ChainSession implements Session {
  readonly inputs: readonly TensorSpec[];
  readonly outputs: readonly TensorSpec[];
  readonly #links: readonly Link[];
  readonly #running = new Set<Promise<unknown>>();
  #unloading: Promise<void> | undefined;

  /** Its outputs are what no later stage takes, and those of `outputs` that one does. */
  constructor(stages: readonly Session[], outputs: readonly string[] = []) {
    this.inputs = fedInputs(stages);
    this.outputs = servedOutputs(stages, outputs);
    this.#links = linksOf(stages, this.outputs);
  }

  async run(slot: number, feeds: NamedTensors, options: RunOptions = {}): Promise<NamedTensors> {
    if (this.#unloading) throw new SightlineError("ERR_SESSION_CLOSED", "the session is unloaded");
    checkFeeds(this.inputs, feeds);
    checkFetches(this.outputs, options.outputs ?? {});
    const running = this.#run(slot, feeds, options);
    this.#running.add(running);
    try {
      return await running;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Its stages share what one run needs between layers. */
  memory(): SessionMemory {
    const parts = this.#links.map(({ session }) => session.memory());
    const sum = (of: keyof SessionMemory) => parts.reduce((bytes, part) => bytes + part[of], 0);
    return {
      weightsBytes: sum("weightsBytes"),
      mappedBytes: sum("mappedBytes"),
      activationPeakBytes: Math.max(0, ...parts.map(({ activationPeakBytes }) => activationPeakBytes)),
    };
  }

  async prefetch(): Promise<void> {
    await Promise.all(this.#links.map(({ session }) => session.prefetch()));
  }

  unload(): Promise<void> {
    this.#unloading ??= this.#release();
    return this.#unloading;
  }

  async #release(): Promise<void> {
    await Promise.allSettled(this.#running);
    await Promise.all(this.#links.map(({ session }) => session.unload()));
  }

  async #run(slot: number, feeds: NamedTensors, options: RunOptions): Promise<NamedTensors> {
    const startMs = performance.now();
    const given = new Set(Object.values({ ...feeds, ...options.outputs }));
    let tensors = feeds;
    for (const link of this.#links) {
      const made = await runLink(link, slot, tensors, options, startMs);
      if (link.session.sharesOutputs) for (const tensor of Object.values(made)) given.add(tensor);
      const all = { ...tensors, ...made };
      tensors = pick(all, link.keeps);
      // Waiting for JavaScript to find them, tensors between stages would pile up.
      for (const [name, tensor] of Object.entries(all)) {
        if (!(name in tensors) && !given.has(tensor)) freeTensor(tensor);
      }
    }
    return tensors;
  }
}

/**
 * Loads a model's stages in the order in which they run; of a model in one piece it gives the one session. `outputs`
 * are those that must be there although a later stage takes them, too. Errors: those of `load`, and then none stays.
 */
export async function loadChain(
  provider: ExecutionProvider,
  stages: readonly (string | Uint8Array)[],
  options: LoadOptions = {},
  outputs: readonly string[] = [],
): Promise<Session> {
  const loaded: Session[] = [];
  try {
    for (const stage of stages) loaded.push(await provider.load(stage, options));
  } catch (error) {
    await Promise.all(loaded.map((session) => session.unload()));
    throw error;
  }
  const [only] = loaded;
  return only && loaded.length === 1 ? only : new ChainSession(loaded, outputs);
}

async function runLink(
  { session, takes, makes }: Link,
  firstSlot: number,
  tensors: NamedTensors,
  { outputs = {}, timeLimitMs, ...others }: RunOptions,
  startMs: number,
): Promise<NamedTensors> {
  const options: RunOptions = { ...others, outputs: pick(outputs, makes) };
  const slot = others.held?.slot ?? firstSlot;
  if (timeLimitMs === undefined) return session.run(slot, pick(tensors, takes), options);
  const leftMs = timeLimitMs - (performance.now() - startMs);
  // Timers are not that exact: a stage of less than a millisecond would still end in time.
  if (leftMs <= 0) throw tooSlow(timeLimitMs);
  options.timeLimitMs = leftMs;
  try {
    return await session.run(slot, pick(tensors, takes), options);
  } catch (error) {
    if (!(error instanceof SightlineError && error.code === "ERR_SESSION_TIMEOUT")) throw error;
    throw tooSlow(timeLimitMs);
  }
}

const tooSlow = (limitMs: number): SightlineError =>
  new SightlineError("ERR_SESSION_TIMEOUT", `the run took longer than ${limitMs} ms`);

const namesOf = (specs: readonly TensorSpec[]): Set<string> => new Set(specs.map(({ name }) => name));

const pick = (tensors: NamedTensors, wanted: ReadonlySet<string>): NamedTensors =>
  Object.fromEntries(Object.entries(tensors).filter(([name]) => wanted.has(name)));

/** What no stage before makes, each once. */
export function fedInputs(stages: readonly Specs[]): TensorSpec[] {
  const inputs = new Map<string, TensorSpec>();
  const made = new Set<string>();
  for (const stage of stages) {
    for (const spec of stage.inputs) {
      if (!made.has(spec.name) && !inputs.has(spec.name)) inputs.set(spec.name, spec);
    }
    for (const { name } of stage.outputs) made.add(name);
  }
  return [...inputs.values()];
}

/** What no later stage takes, and those of `wanted` that one does. */
export function servedOutputs(stages: readonly Specs[], wanted: readonly string[]): TensorSpec[] {
  return stages.flatMap(({ outputs }, i) => {
    const taken = namesOf(stages.slice(i + 1).flatMap(({ inputs }) => inputs));
    return outputs.filter(({ name }) => wanted.includes(name) || !taken.has(name));
  });
}

function linksOf(stages: readonly Session[], outputs: readonly TensorSpec[]): Link[] {
  return stages.map((session, i) => ({
    session,
    takes: namesOf(session.inputs),
    makes: namesOf(session.outputs),
    keeps: namesOf([...outputs, ...stages.slice(i + 1).flatMap(({ inputs }) => inputs)]),
  }));
}
