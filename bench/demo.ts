import { EmbeddedBroker } from "../cli/embedded-broker.ts";
import type { Health } from "../services/health/health-reporter.ts";
import { type Bench, cost, median } from "./bench.ts";
import { withDaemon } from "./watched-process.ts";

const BOARDS = { cameras: 1, fps: 10 };

/** The demo's load, ten boards a second: how long until the first verdict, and how free the main thread is. */
export const demo: Bench = {
  name: "demo",
  async run({ quick }) {
    const [starts, watchS] = quick ? [1, 3] : [5, 30];
    const broker = await EmbeddedBroker.listen(0);
    try {
      const firstMs: number[] = [];
      for (let i = 0; i < starts; i++) {
        const startMs = performance.now();
        await withDaemon(broker, BOARDS, async () => {
          await message(broker, (topic) => topic.endsWith("/verdict"));
          firstMs.push(performance.now() - startMs);
        });
      }
      const isLate = (topic: string, text: string) =>
        topic.endsWith("/health") && (JSON.parse(text) as Health).uptime_s >= watchS;
      const health = JSON.parse(await withDaemon(broker, BOARDS, () => message(broker, isLate))) as Health;
      return [
        cost(`start to first verdict, median of ${starts}`, "ms", median(firstMs), 2000),
        cost(`event-loop delay p99 over ${watchS} s`, "ms", health.event_loop.p99_ms, 10),
      ];
    } finally {
      await broker.close();
    }
  },
};

/** The payload of the next message that `isWanted`. */
function message(
  broker: EmbeddedBroker,
  isWanted: (topic: string, text: string) => boolean,
): Promise<string> {
  return new Promise((resolve) => {
    broker.onMessage((topic, payload) => {
      const text = payload.toString();
      if (isWanted(topic, text)) resolve(text);
    });
  });
}
