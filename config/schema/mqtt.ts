import * as z from "zod";
import { isRecord } from "../../runtime/base/json-schema.ts";
import { duration, path, secret, text } from "./scalars.ts";

const url = z
  .string()
  .regex(/^mqtts?:\/\//, { abort: true })
  .refine(isBrokerUrl, {
    error: "must be only the scheme, host and port of a broker",
    params: { hint: "user name and password go in username and password" },
  })
  .meta({ "x-noun": 'an address such as "mqtt://127.0.0.1:1883" or "mqtts://broker:8883"' });

const baseTopic = text.refine((topic) => !/[+#$]/.test(topic) && !/^\/|\/$/.test(topic), {
  error: "must be a topic without +, # or $ and without a slash at either end",
  params: { hint: 'write for example "plant/line-3"' },
});

const tls = z.strictObject({
  ca: path
    .optional()
    .describe("File with the CA certificates (PEM) that the broker's certificate is verified against."),
  cert: path.optional().describe("Client certificate of this device (PEM), if the broker requires one."),
  key: path.optional().describe("Private key of `cert` (PEM)."),
  verify: z
    .boolean()
    .default(true)
    .describe("Whether to refuse a broker whose certificate cannot be verified."),
});

export const mqtt = z
  .strictObject({
    url: url
      .default("mqtt://127.0.0.1:1883")
      .describe(
        "Address of the broker; `mqtts` for TLS. User name and password go into `username` and `password`.",
      ),
    base_topic: baseTopic.default("sightline").describe("First part of every topic."),
    client_id: text.optional().describe("MQTT client id. Default: `sightline-` followed by the device's id."),
    username: text.optional().describe("User name at the broker."),
    password: secret
      .optional()
      .describe("Password at the broker; preferably given as `${env:NAME}` or `${file:PATH}`."),
    protocol: z
      .literal(["auto", "5", "3.1.1"])
      .default("auto")
      .describe("MQTT version; `auto` tries 5 and falls back to 3.1.1."),
    keepalive: duration({ min: "1s", max: "12h", example: "30s" })
      .prefault("30s")
      .describe("Longest silence before the connection is probed."),
    connect_timeout: duration({ min: "100ms", max: "5m", example: "10s" })
      .prefault("10s")
      .describe("Longest wait for the broker to accept a connection."),
    ack_timeout: duration({ min: "100ms", max: "10m", example: "20s" })
      .prefault("20s")
      .describe("Longest wait for the broker to acknowledge a message before reconnecting."),
    window: z
      .int()
      .min(1)
      .max(65_535)
      .default(20)
      .describe("Most messages that may be sent without being acknowledged."),
    retain_verdict: z
      .boolean()
      .default(true)
      .describe("Whether the broker keeps each pipeline's last verdict for new subscribers."),
    tls: tls.optional().describe("Certificates; only with an `mqtts` address."),
  })
  .superRefine(
    (value, ctx) => {
      if (value.password !== undefined && value.username === undefined) {
        ctx.addIssue({
          code: "custom",
          path: ["password"],
          message: "is set without a username",
          params: { at: "key", hint: "add username" },
        });
      }
      if (value.tls !== undefined && /^mqtt:/.test(String(value.url))) {
        const hint = "write mqtts://… in url or remove tls";
        ctx.addIssue({
          code: "custom",
          path: ["tls"],
          message: "is only for mqtts",
          params: { at: "key", hint },
        });
      }
    },
    { when: ({ value }) => isRecord(value) },
  );

function isBrokerUrl(written: string): boolean {
  const parsed = URL.canParse(written) ? new URL(written) : undefined;
  if (!parsed) return false;
  const extras = [
    parsed.username,
    parsed.password,
    parsed.search,
    parsed.hash,
    parsed.pathname.replace("/", ""),
  ];
  return parsed.hostname !== "" && extras.every((part) => part === "");
}
