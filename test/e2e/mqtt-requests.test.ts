import type { Socket } from "node:net";
import { connectAsync, type IClientPublishOptions, type MqttClient } from "mqtt";
import mqttPacket from "mqtt-packet";
import { expect, onTestFinished, test } from "vitest";
import { type Answerer, refusal } from "../../runtime/base/answer.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { MemoryResultLog } from "../fakes/memory-result-log.ts";
import { randomFrom } from "../fuzz/random.ts";
import { CrudeBroker } from "../support/crude-broker.ts";
import { freePort, Mosquitto } from "../support/mosquitto.ts";
import { connected, startService } from "../support/mqtt.ts";
import { ROOT } from "../support/mqtt-options.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { result } from "../support/results.ts";
import { Subscriber } from "../support/subscriber.ts";

const RETAINED = { qos: 1, retain: true } as const;

interface Setting {
  answerer?: Answerer;
  protocol?: "5" | "3.1.1";
}

async function setUp({ answerer, protocol = "5" }: Setting = {}) {
  const broker = await Mosquitto.start();
  const subscriber = await Subscriber.connect(broker.port, `${ROOT}/response/#`);
  const logger = new RecordingLogger();
  const service = await startService(
    new MemoryResultLog(),
    broker.port,
    { protocol },
    { logger, ...(answerer && { answerer }) },
  );
  await connected(service);
  const sender = await connectAsync(`mqtt://127.0.0.1:${broker.port}`, { protocolVersion: 5 });
  onTestFinished(() => sender.endAsync(true));
  return { broker, logger, sender, service, subscriber };
}

const ask = (
  sender: MqttClient,
  verb: string,
  payload: object | string | Buffer,
  options?: IClientPublishOptions,
) =>
  sender.publishAsync(
    `${ROOT}/request/${verb}`,
    typeof payload === "string" || Buffer.isBuffer(payload) ? payload : JSON.stringify(payload),
    { qos: 1, ...options },
  );

const answers = (subscriber: Subscriber, verb: string) =>
  subscriber.on(`${ROOT}/response/${verb}`).map(({ text }) => JSON.parse(text));

test.for(["5", "3.1.1"] as const)("a request is done and answered, with MQTT %s", async (protocol) => {
  const { sender, subscriber } = await setUp({ protocol });
  await ask(sender, "model/load", { transaction: "t-1", args: { model: "pcb" } });
  await ask(sender, "models", "");
  await subscriber.until(() => subscriber.received.length === 2);
  const data = { request: "model/load", args: { model: "pcb" } };
  expect(answers(subscriber, "model/load")).toEqual([{ transaction: "t-1", status: "ok", data }]);
  expect(answers(subscriber, "models")).toEqual([
    { transaction: null, status: "ok", data: { request: "models" } },
  ]);
  expect(subscriber.received.map(({ packet }) => packet.retain)).toEqual([false, false]);
});

test("an answer goes to the sender's topic below R/response with the sender's mark, and nowhere else", async () => {
  const { broker, sender, subscriber } = await setUp();
  const everything = await Subscriber.connect(broker.port);
  const correlationData = Buffer.from([0, 255, 7]);
  for (const responseTopic of [`${ROOT}/response/mes-1`, `${ROOT}/state`, "elsewhere", `${ROOT}/response/`]) {
    await ask(sender, "models", {}, { properties: { responseTopic, correlationData } });
  }
  await subscriber.until(() => subscriber.received.length === 4);
  expect(subscriber.received.map(({ topic }) => topic)).toEqual([
    `${ROOT}/response/mes-1`,
    ...Array(3).fill(`${ROOT}/response/models`),
  ]);
  for (const { packet } of subscriber.received) {
    expect(packet.properties).toMatchObject({ correlationData, contentType: "application/json" });
  }
  expect(everything.on("elsewhere")).toEqual([]);
});

test("requests are done in the order in which they came, and too many at once are refused", async () => {
  const order: unknown[] = [];
  const held: (() => void)[] = [];
  const answerer: Answerer = async (_, args) => {
    order.push(args);
    if (order.length === 1) await new Promise<void>((resolve) => held.push(resolve));
    return { status: "ok", data: args };
  };
  const { sender, subscriber } = await setUp({ answerer });
  for (let n = 0; n < 20; n++) await ask(sender, "models", { transaction: n, args: n });
  await subscriber.until(() => subscriber.received.length === 4);
  for (const answer of answers(subscriber, "models")) {
    expect(answer).toMatchObject({ status: "error", error: { code: "ERR_REQUEST" } });
  }
  held[0]?.();
  await subscriber.until(() => subscriber.received.length === 20);
  expect(order).toEqual(Array.from({ length: 16 }, (_, n) => n));
});

test("a retained request is left undone, also with MQTT 3.1.1, whose broker sends it", async () => {
  const done: unknown[] = [];
  const answerer: Answerer = async (request) => {
    done.push(request);
    return { status: "ok", data: null };
  };
  const broker = await Mosquitto.start();
  const sender = await connectAsync(`mqtt://127.0.0.1:${broker.port}`);
  onTestFinished(() => sender.endAsync(true));
  await ask(sender, "model/unload", { args: { model: "pcb" } }, RETAINED);
  const logger = new RecordingLogger();
  for (const protocol of ["5", "3.1.1"] as const) {
    const options = { protocol, clientId: `client-${protocol}` };
    const service = await startService(new MemoryResultLog(), broker.port, options, { logger, answerer });
    await connected(service);
  }
  const subscriber = await Subscriber.connect(broker.port, `${ROOT}/response/#`);
  await ask(sender, "models", "");
  await subscriber.until(() => subscriber.received.length === 2);
  expect(done).toEqual(["models", "models"]);
  expect(logger.count("a request was ignored")).toBe(1);
});

/** Takes every message, and no subscription. */
const denying = (protocolVersion: 4 | 5) => (socket: Socket) => {
  const parser = mqttPacket.parser({ protocolVersion });
  const send = (packet: mqttPacket.Packet) => socket.write(mqttPacket.generate(packet, { protocolVersion }));
  socket.on("data", (chunk) => parser.parse(chunk));
  parser.on("packet", ({ cmd, messageId = 0 }) => {
    if (cmd === "connect") send({ cmd: "connack", returnCode: 0, reasonCode: 0, sessionPresent: false });
    if (cmd === "subscribe")
      send({ cmd: "suback", messageId, granted: [protocolVersion === 5 ? 0x87 : 0x80] });
    if (cmd === "publish") send({ cmd: "puback", messageId });
  });
};

test.for([5, 4] as const)("a broker that denies requests still gets results, version %d", async (level) => {
  const port = await freePort();
  await CrudeBroker.start(port, denying(level));
  const logger = new RecordingLogger();
  const log = new MemoryResultLog();
  const service = await startService(log, port, { protocol: level === 5 ? "5" : "3.1.1" }, { logger });
  await log.append(result(1));
  await expect.poll(() => service.status().published).toBe(1);
  await expect.poll(() => logger.count("the broker denied the subscription to requests")).toBe(1);
});

const TOPICS = ["A/B", "a//b", "ü", " ", "x".repeat(500)];

/** Bytes of a request, some of them changed, cut off or repeated. */
function noise(random: () => number): Buffer {
  const text = ['{"transaction":"t","args":{"model":"pcb"}}', "[1]", "null", '"x"', "7", "{}"];
  const bytes = Buffer.from(text[Math.floor(random() * text.length)] ?? "");
  for (let n = 0; n < 3; n++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
  return random() < 0.1 ? Buffer.alloc(10_000, bytes) : bytes.subarray(0, Math.ceil(random() * bytes.length));
}

const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

test.for(seeds)(
  "whatever is sent, each verb is answered once, and the daemon goes on, seed %d",
  async (seed) => {
    const random = randomFrom(seed);
    const answerer: Answerer = async (request) =>
      refusal(new SightlineError("ERR_REQUEST", `there is no request ${request}`));
    const { sender, subscriber } = await setUp({ answerer });
    for (let n = 0; n < 300; n++) await ask(sender, `x/${n}`, noise(random));
    for (const topic of TOPICS) await ask(sender, topic, "");
    await ask(sender, "last", "");
    await subscriber.until(() => subscriber.on(`${ROOT}/response/last`).length === 1);
    expect(subscriber.received).toHaveLength(301);
    const codes = subscriber.received.map(({ text }) => JSON.parse(text).error.code);
    expect(new Set(codes)).toEqual(new Set(["ERR_REQUEST"]));
  },
);
