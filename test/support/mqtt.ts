import { onTestFinished } from "vitest";
import type { Answerer } from "../../runtime/base/answer.ts";
import { systemClock } from "../../runtime/base/clock.ts";
import { silentLogger } from "../../runtime/base/logger.ts";
import {
  type MqttOptions,
  MqttService,
  type MqttStatus,
  type ResultLog,
} from "../../services/mqtt/mqtt-service.ts";
import { mqttOptions } from "./mqtt-options.ts";
import type { RecordingLogger } from "./recording-logger.ts";

const echo: Answerer = async (request, args) => ({ status: "ok", data: { request, args } });

/** Started; stops with the test. */
export async function startService(
  log: ResultLog,
  port: number,
  options: Partial<MqttOptions> = {},
  { answerer = echo, logger }: { answerer?: Answerer; logger?: RecordingLogger } = {},
): Promise<MqttService> {
  const service = new MqttService(
    { log, logger: logger ?? silentLogger, clock: systemClock, answerer },
    { ...mqttOptions(port), ...options },
  );
  await service.start();
  onTestFinished(() => service.stop({ drainMs: 0 }));
  return service;
}

/** The first status, from now on, that fulfils `condition`. */
export function untilStatus(
  service: MqttService,
  condition: (status: MqttStatus) => boolean,
): Promise<MqttStatus> {
  return new Promise((resolve) => {
    const check = (status: MqttStatus): void => {
      if (!condition(status)) return;
      leave();
      resolve(status);
    };
    const leave = service.onStatus(check);
    check(service.status());
  });
}

export const connected = (service: MqttService): Promise<MqttStatus> =>
  untilStatus(service, (status) => status.connected);
