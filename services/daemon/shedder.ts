import type { Config } from "../../config/schema/schema.ts";
import { type Clock, msBetween } from "../../runtime/base/clock.ts";
import { type ErrorRecord, SightlineError } from "../../runtime/base/errors.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import { ThermalLadder } from "../../runtime/scheduler/thermal-ladder.ts";

type Shedding = NonNullable<Config["shedding"]>;
type Step = Shedding["steps"][number];

interface Deps {
  clock: Clock;
  logger: Logger;
  /** Degrees Celsius of the processor; null where it does not say. */
  temperature(): Promise<number | null>;
  /** Goes over to another variant or bundle of a model; without either back to the configuration's. */
  activate(
    model: string,
    source: { bundle?: string | undefined; variant?: string | undefined },
  ): Promise<unknown>;
  publish(event: SheddingEvent): void;
}

export interface SheddingEvent {
  ts: string;
  level: number;
  /** How many there are. */
  steps: number;
  temperature_celsius: number;
  /** What was done now, or taken back. */
  step: Step;
  error: ErrorRecord | null;
}

const PERIOD_MS = 1_000;

/** Does less while the processor is hot, as the configuration says, and says so. */
export class Shedder {
  readonly #deps: Deps;
  readonly #options: Shedding;
  readonly #ladder: ThermalLadder;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<void> = Promise.resolve();

  constructor(deps: Deps, options: Shedding) {
    this.#deps = deps;
    this.#options = options;
    const { cool, hold, hot, steps } = options;
    this.#ladder = new ThermalLadder({ cool, hot, holdMs: hold, steps: steps.length });
  }

  /** Free-running cameras have only one frame in this many judged. */
  get judgesEvery(): number {
    const taken = this.#options.steps.slice(0, this.#ladder.level);
    return taken.reduce((every, step) => ("every" in step ? step.every : every), 1);
  }

  start(): void {
    this.#timer = setInterval(() => {
      this.#looking = this.#looking.then(() => this.look());
    }, PERIOD_MS);
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer);
    await this.#looking;
  }

  /** Has all models go back to what the configuration says; for one that is not used any more. */
  async takeBack(): Promise<void> {
    const models = new Set(this.#options.steps.flatMap((step) => ("model" in step ? [step.model] : [])));
    if (this.#ladder.level === 0) return;
    for (const model of models) await this.#deps.activate(model, {}).catch(() => {});
  }

  /** Takes or takes back at most one step. */
  async look(): Promise<void> {
    const celsius = await this.#deps.temperature();
    if (celsius === null) return;
    const before = this.#ladder.level;
    const level = this.#ladder.observe(celsius, msBetween(0n, this.#deps.clock.nowNs()));
    const step = this.#options.steps[Math.min(level, before)];
    if (level === before || !step) return;
    const error = "model" in step ? await this.#adapt(step.model) : null;
    const { clock, logger, publish } = this.#deps;
    const ts = new Date(clock.wallMs()).toISOString();
    const event = { ts, level, steps: this.#options.steps.length, temperature_celsius: celsius, step, error };
    logger.warn(event, "shedding");
    publish(event);
  }

  /** Has the model be what the last step taken says, or what the configuration says. */
  async #adapt(model: string): Promise<ErrorRecord | null> {
    const taken = this.#options.steps.slice(0, this.#ladder.level);
    const last = taken.findLast((step) => "model" in step && step.model === model);
    const source = last && "model" in last ? { bundle: last.bundle, variant: last.variant } : {};
    try {
      await this.#deps.activate(model, source);
      return null;
    } catch (error) {
      return SightlineError.wrap("ERR_MODEL_LOAD", error).toRecord();
    }
  }
}
