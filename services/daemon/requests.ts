import { type Answer, refusal } from "../../runtime/base/answer.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { ModelControl } from "../../runtime/loader/model-status.ts";
import type { BatchLog } from "../../runtime/scheduler/batch-log.ts";

/** An answer over MQTT is one message. */
const BATCHES_MAX = 1_024;

interface Deps {
  models: ModelControl;
  batches: BatchLog;
  health(): Promise<object>;
  /** Reads the configuration again and says what was changed. Errors: ERR_RELOAD, ERR_CONFIG_*, those of opening. */
  reload(): Promise<object>;
}

/** What operators may ask of the running daemon, whichever way they ask; docs/mqtt.md has the requests. */
export class Requests {
  readonly #deps: Deps;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  /** Does what `name` asks for. It never throws: what goes wrong is the answer. */
  async answer(name: string, args: unknown): Promise<Answer> {
    try {
      return { status: "ok", data: await this.#do(name, args) };
    } catch (error) {
      return refusal(error);
    }
  }

  async #do(name: string, args: unknown): Promise<unknown> {
    const { batches, health, models, reload } = this.#deps;
    switch (name) {
      case "models":
        return { models: models.status(), memory: models.memory() };
      case "model/load":
        return models.load(modelIn(args));
      case "model/unload":
        return models.unload(modelIn(args));
      case "model/activate":
        return models.activate(modelIn(args));
      case "trace":
        return batches.last(countIn(args));
      case "health":
        return health();
      case "reload":
        return reload();
      default:
        throw new SightlineError("ERR_REQUEST", `there is no request ${JSON.stringify(name)}`);
    }
  }
}

function modelIn(args: unknown): string {
  const { model } = (args ?? {}) as { model?: unknown };
  if (typeof model === "string") return model;
  throw new SightlineError("ERR_REQUEST", "the request's args need a model: {model: NAME}");
}

function countIn(args: unknown): number {
  const { last = 100 } = (args ?? {}) as { last?: unknown };
  if (typeof last === "number" && Number.isInteger(last) && last >= 1 && last <= BATCHES_MAX) return last;
  throw new SightlineError("ERR_REQUEST", `last must be a number from 1 to ${BATCHES_MAX}`);
}
