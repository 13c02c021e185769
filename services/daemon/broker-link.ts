import { readFile } from "node:fs/promises";
import type { Config } from "../../config/schema/schema.ts";
import { SightlineError } from "../../runtime/base/errors.ts";

const BACKOFF_MS = { min: 1_000, max: 60_000 };

/** How the broker is reached and spoken to, whatever for. Errors: ERR_CONFIG_READ. */
export async function brokerLink({ mqtt }: Config) {
  return {
    url: mqtt.url,
    username: mqtt.username,
    password: mqtt.password,
    tls: mqtt.tls && (await readTls(mqtt.tls)),
    keepaliveS: mqtt.keepalive / 1000,
    connectTimeoutMs: mqtt.connect_timeout,
    backoffMs: BACKOFF_MS,
  };
}

export type BrokerLink = Awaited<ReturnType<typeof brokerLink>>;

async function readTls(tls: NonNullable<Config["mqtt"]["tls"]>) {
  const read = async (path: string | undefined) => {
    if (path === undefined) return undefined;
    return readFile(path, "utf8").catch((error: unknown) => {
      throw SightlineError.wrap("ERR_CONFIG_READ", error, "mqtt.tls");
    });
  };
  return { ca: await read(tls.ca), cert: await read(tls.cert), key: await read(tls.key), verify: tls.verify };
}
