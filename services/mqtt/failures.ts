import { SightlineError } from "../../runtime/base/errors.ts";

/** Names of the reason codes that people meet; MQTT 3.1.1 return codes 1–5, MQTT 5 reason codes from 128. */
const REASONS: Record<number, string> = {
  1: "unacceptable protocol version",
  2: "client id rejected",
  3: "server unavailable",
  4: "bad user name or password",
  5: "not authorized",
  128: "unspecified error",
  129: "malformed packet",
  130: "protocol error",
  131: "implementation specific error",
  132: "unsupported protocol version",
  133: "client id not valid",
  134: "bad user name or password",
  135: "not authorized",
  136: "server unavailable",
  137: "server busy",
  138: "banned",
  139: "server shutting down",
  140: "bad authentication method",
  141: "keep alive timeout",
  142: "session taken over",
  144: "topic name invalid",
  147: "receive maximum exceeded",
  149: "packet too large",
  151: "quota exceeded",
  152: "administrative action",
  153: "payload format invalid",
  154: "retain not supported",
  155: "QoS not supported",
  156: "use another server",
  157: "server moved",
  159: "connection rate exceeded",
};

const HINTS: Record<number, string> = {
  2: "Choose another `mqtt.client_id`.",
  3: "The broker is starting or overloaded; Sightline tries again, and results wait in the store.",
  4: "Check `mqtt.username` and `mqtt.password`.",
  5: "The broker knows this user but does not let it in: check the broker's access rules.",
  133: "Choose another `mqtt.client_id`.",
  134: "Check `mqtt.username` and `mqtt.password`.",
  135: "The broker's access rules deny this: allow the user to connect and to publish below the device's topics.",
  136: "The broker is starting or overloaded; Sightline tries again, and results wait in the store.",
  137: "The broker is starting or overloaded; Sightline tries again, and results wait in the store.",
  142: "Another client uses the same client id: give every device its own `device.id` or `mqtt.client_id`.",
  149: "Raise the broker's maximum packet size; the oldest waiting result is larger than that.",
  155: "Sightline needs QoS 1: allow it in the broker.",
};

const VERSION_REFUSED = new Set([1, 132]);
/** The broker goes away in order; nothing was refused. */
const SHUTTING_DOWN = 139;
const TLS_PROBLEM = /CERT|SELF_SIGNED|UNABLE_TO_|^ERR_TLS|^ERR_SSL|^EPROTO/;

export const isVersionRefused = (reasonCode: number): boolean => VERSION_REFUSED.has(reasonCode);

/** `what`: "connection", "result"… */
export function refused(reasonCode: number, what: string): SightlineError {
  const reason = `${REASONS[reasonCode] ?? "unknown reason"} (${reasonCode})`;
  if (reasonCode === SHUTTING_DOWN) return unreachable(`The broker ended the connection: ${reason}`);
  const hint = HINTS[reasonCode];
  return new SightlineError(
    "ERR_MQTT_REFUSED",
    `The broker refused the ${what}: ${reason}`,
    hint ? { hint } : {},
  );
}

export const unreachable = (message: string): SightlineError =>
  new SightlineError("ERR_MQTT_UNREACHABLE", message);

/** Many brokers close without a word what another client with the same id takes over. */
export const closed = (clientId: string): SightlineError =>
  new SightlineError("ERR_MQTT_UNREACHABLE", "The broker closed the connection", {
    hint: `Check that the broker is running and that no other client uses the client id ${clientId}; results wait in the store.`,
  });

export const timedOut = (message: string): SightlineError => new SightlineError("ERR_MQTT_TIMEOUT", message);

/** From what the socket, TLS or the packet parser threw. */
export function networkFailure(error: Error): SightlineError {
  const code = "code" in error && typeof error.code === "string" ? error.code : "";
  const message = error.message || code;
  if (error.message === "Keepalive timeout") return timedOut("The broker stopped answering pings");
  if (!TLS_PROBLEM.test(code))
    return SightlineError.wrap("ERR_MQTT_UNREACHABLE", new Error(message, { cause: error }));
  return new SightlineError("ERR_MQTT_UNREACHABLE", `TLS: ${message}`, {
    hint: "Check that `mqtt.tls.ca` signed the broker's certificate, that the host name matches it, and the clock.",
    cause: error,
  });
}
