import { readDevice } from "../health/device.ts";

/** Changes that follow on each other go out together. */
const PERIOD_MS = 1_000;

interface Parts {
  mqtt: { setState(topic: string, payload: object): void } | undefined;
  device: { id: string };
  /** What is true from the start to the end. */
  fixed: object;
  /** What may have changed since. */
  current(): object;
}

/** Keeps `R/info` true. */
export class InfoPublisher {
  readonly #parts: Parts;
  #device: object = {};
  #timer: NodeJS.Timeout | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    this.#device = { id: this.#parts.device.id, ...(await readDevice()) };
    this.publish();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  read(): object {
    const { current, fixed } = this.#parts;
    return { ...fixed, device: this.#device, ...current() };
  }

  publish(): void {
    this.stop();
    this.#parts.mqtt?.setState("info", this.read());
  }

  /** For what may change many times a second. */
  publishSoon(): void {
    this.#timer ??= setTimeout(() => this.publish(), PERIOD_MS);
  }
}
