import type { MqttOptions } from "../../services/mqtt/mqtt-service.ts";

export const ROOT = "sightline/insp-07";
export const RESULT = `${ROOT}/pipeline/top/result`;
export const VERDICT = `${ROOT}/pipeline/top/verdict`;

export const mqttOptions = (port: number): MqttOptions => ({
  url: `mqtt://127.0.0.1:${port}`,
  baseTopic: "sightline",
  deviceId: "insp-07",
  protocol: "auto",
  keepaliveS: 30,
  connectTimeoutMs: 2_000,
  ackTimeoutMs: 2_000,
  backoffMs: { min: 10, max: 100 },
  window: 20,
  retainVerdict: true,
});
