import { readDevice } from "../health/device.ts";

/** Changes that follow on each other go out together. */
const PERIOD_MS = 1_000;

interface Parts {
  mqtt: { setState(topic: string, payload: object): void };
  device: { id: string };
  /** What is true from the start to the end. */
  fixed(): object;
  /** What may have changed since. */
  current(): object;
}

/** Keeps `R/info` true. */
export class InfoPublisher {
  readonly #parts: Parts;
  #device: object = {};
  #fixed: object = {};
  #timer: NodeJS.Timeout | undefined;
  #isRunning = false;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async start(): Promise<void> {
    this.#fixed = this.#parts.fixed();
    this.#device = { id: this.#parts.device.id, ...(await readDevice()) };
    this.#isRunning = true;
    this.publish();
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#isRunning = false;
  }

  read(): object {
    return { ...this.#fixed, device: this.#device, ...this.#parts.current() };
  }

  publish(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#parts.mqtt.setState("info", this.read());
  }

  /** For what may change many times a second. Before the start, models are opened and the device is not read yet. */
  publishSoon(): void {
    if (this.#isRunning) this.#timer ??= setTimeout(() => this.publish(), PERIOD_MS);
  }
}
