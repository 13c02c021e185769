import { EmbeddedBroker } from "../cli/embedded-broker.ts";
import { openBundle } from "../models/bundle/bundle.ts";
import { type Bench, median, rate } from "./bench.ts";
import { PCB_AOI, SAMPLES, withDaemon, withProcess } from "./watched-process.ts";

/** Frames a second of the whole daemon, pictures to MQTT, against the plain loop: same model, same pictures. */
export const pipeline: Bench = {
  name: "pipeline",
  async run({ quick }) {
    const [rounds, warmup, frames] = quick ? [1, 10, 60] : [5, 50, 400];
    const { stages } = await openBundle(PCB_AOI);
    const model = stages[0]?.path ?? "";
    const broker = await EmbeddedBroker.listen(0);
    const arrivals = new Arrivals(broker);
    const measure = () => arrivals.perSecond(warmup, frames);
    const ours: number[] = [];
    const theirs: number[] = [];
    try {
      for (let round = 0; round < rounds; round++) {
        const args = [String(broker.port), model, SAMPLES];
        theirs.push(await withProcess("./plain-loop.ts", args, measure));
        ours.push(await withDaemon(broker, { cameras: 1, fps: "max" }, measure));
      }
    } finally {
      await broker.close();
    }
    const name = `replay to MQTT, median of ${rounds}`;
    return [rate(name, "frames/s", median(ours), median(theirs), 1.8)];
  },
};

/** Counts results as they reach the broker. */
class Arrivals {
  #onResult = () => {};

  constructor(broker: EmbeddedBroker) {
    broker.onMessage((topic) => {
      if (topic.endsWith("/result")) this.#onResult();
    });
  }

  /** Rate of the `frames` results that follow the first `warmup`. */
  perSecond(warmup: number, frames: number): Promise<number> {
    return new Promise((resolve) => {
      let [seen, startMs] = [0, 0];
      this.#onResult = () => {
        if (++seen === warmup) startMs = performance.now();
        if (seen < warmup + frames) return;
        this.#onResult = () => {};
        resolve((1000 * frames) / (performance.now() - startMs));
      };
    });
  }
}
