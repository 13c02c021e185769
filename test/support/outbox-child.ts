import { systemClock } from "../../runtime/base/clock.ts";
import { silentLogger } from "../../runtime/base/logger.ts";
import { Outbox } from "../../services/outbox/outbox.ts";
import { result } from "./results.ts";

/** Appends results to the store in argv[2] without end and prints each `seq` that is durable; to be killed. */
const outbox = new Outbox(
  { logger: silentLogger, clock: systemClock },
  { path: process.argv[2] ?? "", maxBytes: 64 * 2 ** 20, commitDelayMs: 5 },
);
await outbox.start();
process.stdout.write("ready\n");

async function appendForever(): Promise<never> {
  for (let n = 0; ; n++) {
    const seq = await outbox.append(result(n, { padding: 300 }));
    process.stdout.write(`${seq}\n`);
  }
}
await Promise.all(Array.from({ length: 30 }, appendForever));
