import type { Socket } from "node:net";
import { Aedes } from "aedes";
import { describe, expect, onTestFinished, test } from "vitest";
import { MemoryResultLog } from "../fakes/memory-result-log.ts";
import { CrudeBroker, connack, protocolLevel } from "../support/crude-broker.ts";
import { Gate } from "../support/gate.ts";
import { freePort, Mosquitto } from "../support/mosquitto.ts";
import { connected, startService, untilStatus } from "../support/mqtt.ts";
import { RESULT, ROOT, VERDICT } from "../support/mqtt-options.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { range, result } from "../support/results.ts";
import { Subscriber } from "../support/subscriber.ts";

const HOUR_MS = 3_600_000;
/** Generous where a case must not run into the limit, short where it must. */
const QUICK = { connectTimeoutMs: 100, ackTimeoutMs: 100, backoffMs: { min: 10, max: 50 } };

const misbehaviours: {
  name: string;
  onSocket: ((socket: Socket) => void) | undefined;
  code: string;
  message: RegExp;
  hint: RegExp;
}[] = [
  {
    name: "nobody listens",
    onSocket: undefined,
    code: "ERR_MQTT_UNREACHABLE",
    message: /ECONNREFUSED/,
    hint: /broker is running/,
  },
  {
    name: "it accepts and closes",
    onSocket: (socket) => socket.destroy(),
    code: "ERR_MQTT_UNREACHABLE",
    message: /closed the connection before it answered|ECONNRESET/,
    hint: /broker is running/,
  },
  {
    name: "it accepts and never answers",
    onSocket: () => {},
    code: "ERR_MQTT_TIMEOUT",
    message: /has not answered CONNECT for 100 ms/,
    hint: /Restart the broker/,
  },
  {
    name: "it lets us in and acknowledges nothing",
    onSocket: (socket) => socket.once("data", (data) => socket.write(connack(data))),
    code: "ERR_MQTT_TIMEOUT",
    message: /not acknowledged anything for 100 ms/,
    hint: /Restart the broker/,
  },
  {
    name: "it answers with garbage",
    onSocket: (socket) => socket.once("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n")),
    code: "ERR_MQTT_UNREACHABLE",
    message: /./,
    hint: /mqtt\.url/,
  },
  {
    name: "it throws us out for another client (MQTT 5)",
    onSocket: (socket) =>
      socket.once("data", (data) =>
        socket.write(Buffer.concat([connack(data), Buffer.from([0xe0, 1, 142])])),
      ),
    code: "ERR_MQTT_REFUSED",
    message: /session taken over \(142\)/,
    hint: /client id/,
  },
];

describe("a broker that misbehaves", () => {
  test.for(misbehaviours)("$name: $code, and nothing is lost", async ({ onSocket, code, message, hint }) => {
    const port = await freePort();
    const crude = onSocket && (await CrudeBroker.start(port, onSocket));
    const log = new MemoryResultLog();
    const logger = new RecordingLogger();
    const service = await startService(log, port, QUICK, { logger });
    let connections = 0;
    service.onStatus((status) => {
      if (status.connected) connections++;
    });
    for (const n of range(1, 60)) await log.append(result(n));

    const { lastError } = await untilStatus(service, (status) => status.lastError !== undefined);
    expect(lastError?.code).toBe(code);
    expect(lastError?.message).toMatch(message);
    expect(lastError?.hint).toMatch(hint);
    expect(connections).toBe(0);
    expect(log.cursor("mqtt")).toBe(0);

    await crude?.stop();
    const good = await Mosquitto.start();
    const subscriber = await Subscriber.connect(good.port);
    await Gate.before(good.port, port);
    await subscriber.until(() => subscriber.firstSeqs(VERDICT).length === 60);
    expect(subscriber.firstSeqs(RESULT)).toEqual(range(1, 60));
    await expect.poll(() => log.cursor("mqtt")).toBe(60);
    expect(service.status()).toMatchObject({ connected: true, lastError: undefined });
    // Where the good broker takes longer than 100 ms to acknowledge, the connection is given up and comes back.
    expect(logger.count("connected to the broker")).toBeGreaterThanOrEqual(1);
    expect(logger.lines.length).toBeLessThan(20);
  });

  test("the same trouble again and again is logged once", async () => {
    const port = await freePort();
    let attempts = 0;
    const enough = Promise.withResolvers<void>();
    await CrudeBroker.start(port, (socket) => {
      socket.destroy();
      if (++attempts === 12) enough.resolve();
    });
    const logger = new RecordingLogger();
    await startService(new MemoryResultLog(), port, { ...QUICK, protocol: "5" }, { logger });
    await enough.promise;
    // Whether the end arrives as a close or as a reset is up to the kernel.
    const distinct = new Set(logger.lines.map(({ fields }) => JSON.stringify(fields)));
    expect(distinct.size).toBeLessThanOrEqual(2);
    expect(logger.lines.length).toBeLessThan(12);
  });
});

describe("protocol versions", () => {
  /** aedes speaks 3.1.1 only; what it got is told through `onPublish`. */
  async function startAedes(port: number, accept: (level: number) => boolean): Promise<Aedes> {
    const aedes = await Aedes.createBroker();
    await CrudeBroker.start(port, (socket) => {
      socket.once("data", (data) => {
        if (!accept(protocolLevel(data))) return void socket.destroy();
        socket.pause();
        socket.unshift(data);
        aedes.handle(socket);
      });
    });
    onTestFinished(() => new Promise<void>((resolve) => aedes.close(() => resolve())));
    return aedes;
  }

  test.for([
    { name: "a broker that refuses MQTT 5 or does not know it", accept: () => true },
    { name: "a broker that closes at an MQTT 5 CONNECT", accept: (level: number) => level === 4 },
  ])("auto falls back to 3.1.1: $name", async ({ accept }) => {
    const port = await freePort();
    const aedes = await startAedes(port, accept);
    const seqs: number[] = [];
    aedes.on("publish", ({ topic, payload }) => {
      if (topic === RESULT) seqs.push(JSON.parse(payload.toString()).seq);
    });
    const log = new MemoryResultLog();
    for (const n of range(1, 100)) await log.append(result(n));
    const service = await startService(log, port, { backoffMs: { min: HOUR_MS, max: HOUR_MS } });
    expect((await connected(service)).protocol).toBe("3.1.1");
    await expect.poll(() => log.cursor("mqtt")).toBe(100);
    expect(seqs).toEqual(range(1, 100));
  });

  test("a fixed version is not left", async () => {
    const port = await freePort();
    const levels: number[] = [];
    const enough = new Promise<void>((resolve) => {
      void startAedes(port, (level) => {
        if (levels.push(level) === 4) resolve();
        return level === 4;
      });
    });
    await startService(new MemoryResultLog(), port, { ...QUICK, protocol: "5" });
    await enough;
    expect(new Set(levels)).toEqual(new Set([5]));
  });

  test("3.1.1 works with a broker that speaks both", async () => {
    const broker = await Mosquitto.start();
    const subscriber = await Subscriber.connect(broker.port);
    const service = await startService(new MemoryResultLog(), broker.port, { protocol: "3.1.1" });
    expect((await connected(service)).protocol).toBe("3.1.1");
    await subscriber.until(() => subscriber.on(`${ROOT}/state`).length === 1);
  });
});
