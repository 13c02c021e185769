import type { Clock } from "../../runtime/base/clock.ts";
import type { ErrorRecord } from "../../runtime/base/errors.ts";
import type { ModelEvent, ModelStatus } from "../../runtime/loader/model-status.ts";

interface StateTopics {
  setState(topic: string, payload: object | string): void;
}

/** A model that is not opened any more: its pipelines judge nothing. */
const SEVERITY = 3;
const CLEARED = "";

/** Tells subscribers what becomes of models: the last event of each, and an alarm while one is in quarantine. */
export class ModelTopics {
  readonly #clock: Clock;
  readonly #last = new Map<string, ModelEvent>();
  readonly #mqtt: StateTopics;

  constructor(clock: Clock, mqtt: StateTopics) {
    this.#clock = clock;
    this.#mqtt = mqtt;
  }

  /** What has happened until now, too. An alarm that the broker kept from before may be over. */
  begin(models: readonly ModelStatus[]): void {
    for (const event of this.#last.values()) this.tell(event);
    for (const { last_error, name, state } of models) {
      if (state === "quarantined") this.#raise(name, last_error);
      else this.#clear(name);
    }
  }

  tell(event: ModelEvent): void {
    this.#last.set(event.model, event);
    this.#mqtt.setState(`model/${event.model}/event`, { ...event });
    if (event.type === "quarantined") this.#raise(event.model, event.error);
    else if (event.type === "released" || event.type === "activated") this.#clear(event.model);
  }

  #raise(model: string, error: ErrorRecord | null): void {
    const since = new Date(this.#clock.wallMs()).toISOString();
    const alarm = { active: true, severity: SEVERITY, since, text: error?.message ?? "", error };
    this.#mqtt.setState(`alarm/model/${model}`, alarm);
  }

  #clear(model: string): void {
    this.#mqtt.setState(`alarm/model/${model}`, CLEARED);
  }
}
