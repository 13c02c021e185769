import { systemClock } from "../../runtime/base/clock.ts";
import { silentLogger } from "../../runtime/base/logger.ts";
import { MqttService } from "../../services/mqtt/mqtt-service.ts";
import { Outbox } from "../../services/outbox/outbox.ts";
import { mqttOptions } from "./mqtt-options.ts";
import { result } from "./results.ts";

/** Appends and relays without end: store folder in argv[2], broker's port in argv[3], protocol in argv[4]; to be killed. */
const [, , path = "", port = "", protocol = "5"] = process.argv;
const deps = { logger: silentLogger, clock: systemClock };
const log = new Outbox(deps, { path, maxBytes: 64 * 2 ** 20, commitDelayMs: 5 });
await log.start();
const service = new MqttService(
  { log, answerer: async () => ({ status: "ok", data: null }), ...deps },
  { ...mqttOptions(Number(port)), protocol: protocol === "3.1.1" ? "3.1.1" : "5" },
);
await service.start();

async function appendForever(): Promise<never> {
  for (let n = 0; ; n++) process.stdout.write(`${await log.append(result(n))}\n`);
}
await Promise.all(Array.from({ length: 5 }, appendForever));
