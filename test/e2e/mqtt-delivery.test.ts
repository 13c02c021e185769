import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../runtime/base/clock.ts";
import { silentLogger } from "../../runtime/base/logger.ts";
import { Outbox } from "../../services/outbox/outbox.ts";
import { MemoryResultLog } from "../fakes/memory-result-log.ts";
import { run, startChild } from "../support/child-processes.ts";
import { Gate } from "../support/gate.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { connected, startService, untilStatus } from "../support/mqtt.ts";
import { RESULT, ROOT, VERDICT } from "../support/mqtt-options.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { range, result } from "../support/results.ts";
import { Subscriber } from "../support/subscriber.ts";
import { tempFolder } from "../support/temp-folder.ts";

async function openOutbox(path: string): Promise<Outbox> {
  const outbox = new Outbox(
    { logger: silentLogger, clock: systemClock },
    { path, maxBytes: 64 * 2 ** 20, commitDelayMs: 5 },
  );
  await outbox.start();
  onTestFinished(() => outbox.stop());
  return outbox;
}

/** Appends a few at a time, so that appending and delivery overlap. */
async function appendRange(log: Outbox, from: number, to: number): Promise<void> {
  for (let n = from; n <= to; n += 10) {
    await Promise.all(range(n, Math.min(n + 9, to)).map((k) => log.append(result(k))));
  }
}

/** A daemon's delivery in a process of its own; `killAfter` results are durable when it gets SIGKILL. */
async function runChild(folder: string, port: number, protocol: string, killAfter: number): Promise<number> {
  const script = fileURLToPath(new URL("../support/mqtt-child.ts", import.meta.url));
  const child = startChild(process.execPath, [script, folder, String(port), protocol], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(child, "exit");
  let last = 0;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    last = Math.max(last, Number(line));
    if (++seen === killAfter) child.kill("SIGKILL");
  }
  await exited;
  return last;
}

describe("delivery", () => {
  test("a broker killed and replaced by a fresh one, twice: 1,000 results arrive in order, none is lost", async () => {
    const broker = await Mosquitto.start();
    const gate = await Gate.before(broker.port);
    const subscriber = await Subscriber.connect(broker.port);
    const outbox = await openOutbox(await tempFolder());
    const logger = new RecordingLogger();
    const service = await startService(outbox, gate.port, {}, { logger });
    const replaceBroker = async () => {
      // The broker has forwarded a whole window more than it could acknowledge: these must come again.
      await gate.holdAnswers();
      await subscriber.until(() => subscriber.firstSeqs(VERDICT).length >= service.status().published + 10);
      await gate.shut();
      await broker.kill();
      await untilStatus(service, ({ lastError }) => lastError?.code === "ERR_MQTT_UNREACHABLE");
      await broker.start();
      await subscriber.connect(broker.port);
      await gate.open();
    };

    const first = appendRange(outbox, 1, 500);
    await subscriber.until(() => subscriber.firstSeqs(RESULT).length >= 200);
    await replaceBroker();
    await first;
    const second = appendRange(outbox, 501, 1_000);
    await subscriber.until(() => subscriber.firstSeqs(RESULT).length >= 700);
    await replaceBroker();
    await second;
    await expect.poll(() => outbox.read("mqtt", 1)).toEqual([]);
    await subscriber.until(() => subscriber.firstSeqs(VERDICT).length === 1_000);

    expect(subscriber.firstSeqs(RESULT)).toEqual(range(1, 1_000));
    expect(subscriber.firstSeqs(VERDICT)).toEqual(range(1, 1_000));
    expect(subscriber.on(RESULT).length).toBeGreaterThanOrEqual(1_020);
    expect(logger.count("connected to the broker")).toBe(3);
    await expect.poll(() => outbox.read("mqtt", 1)).toEqual([]);
    expect(service.status()).toMatchObject({
      connected: true,
      protocol: "5",
      lastError: undefined,
      inFlight: 0,
    });
  });

  test("our side killed mid-run: what was durable arrives in order, and nobody is told that we were away", async () => {
    const broker = await Mosquitto.start();
    const subscriber = await Subscriber.connect(broker.port);
    const folder = await tempFolder();
    let durable = 0;
    for (const killAfter of [30, 100, 170]) {
      durable = Math.max(durable, await runChild(folder, broker.port, "5", killAfter));
    }
    const outbox = await openOutbox(folder);
    const next = await outbox.append(result(0));
    await startService(outbox, broker.port);
    await subscriber.until(() => subscriber.firstSeqs(RESULT).includes(next));
    expect(durable).toBeGreaterThanOrEqual(300);
    expect(next).toBeGreaterThan(durable);
    expect(subscriber.firstSeqs(RESULT)).toEqual(range(1, next));
    expect(new Set(subscriber.on(`${ROOT}/state`).map(({ text }) => text))).toEqual(new Set(["online"]));
  });

  test("a broker that hangs: ERR_MQTT_TIMEOUT, and everything arrives when it goes on", async () => {
    const broker = await Mosquitto.start();
    const subscriber = await Subscriber.connect(broker.port);
    const log = new MemoryResultLog();
    const service = await startService(log, broker.port, { ackTimeoutMs: 150, connectTimeoutMs: 150 });
    await connected(service);
    broker.signal("SIGSTOP");
    onTestFinished(() => broker.signal("SIGCONT"));
    for (const n of range(1, 100)) await log.append(result(n));
    const { lastError } = await untilStatus(service, (status) => !status.connected);
    expect(lastError?.code).toBe("ERR_MQTT_TIMEOUT");
    broker.signal("SIGCONT");
    await subscriber.until(() => subscriber.firstSeqs(RESULT).length === 100);
    expect(subscriber.firstSeqs(RESULT)).toEqual(range(1, 100));
  });

  test("the broker's receive maximum bounds what is in flight", async () => {
    const broker = await Mosquitto.start(["allow_anonymous true", "max_inflight_messages 3"]);
    const gate = await Gate.before(broker.port);
    const subscriber = await Subscriber.connect(broker.port);
    const log = new MemoryResultLog();
    const service = await startService(log, gate.port);
    await connected(service);
    await gate.holdAnswers();
    for (const n of range(1, 50)) await log.append(result(n));
    await subscriber.until(() => subscriber.on(RESULT).length === 2 && subscriber.on(VERDICT).length === 1);
    expect(service.status().inFlight).toBe(3);
    await gate.shut();
    await gate.open();
    await subscriber.until(() => subscriber.firstSeqs(VERDICT).length === 50);
    expect(subscriber.firstSeqs(VERDICT)).toEqual(range(1, 50));
  });
});

describe("messages", () => {
  test("carry the MQTT 5 properties; the verdict is a retained summary", async () => {
    const broker = await Mosquitto.start();
    const subscriber = await Subscriber.connect(broker.port);
    const log = new MemoryResultLog();
    await log.append(result(1, { verdict: "fail" }));
    await startService(log, broker.port);
    await subscriber.until(() => subscriber.on(VERDICT).length === 1);
    const [full] = subscriber.on(RESULT);
    expect(full?.text).toBe((await log.read("other", 1))[0]?.payload);
    expect(full?.packet).toMatchObject({
      qos: 1,
      retain: false,
      properties: {
        contentType: "application/json",
        payloadFormatIndicator: true,
        userProperties: { schema: "inspection.result/1", id: "top-1" },
      },
    });
    const late = await Subscriber.connect(broker.port);
    await late.until(() => late.on(VERDICT).length === 1);
    expect(late.on(RESULT)).toEqual([]);
    expect(late.on(VERDICT)[0]?.packet.retain).toBe(true);
    expect(JSON.parse(late.on(VERDICT)[0]?.text ?? "")).toEqual({
      id: "top-1",
      seq: 1,
      ts: "2026-11-21T22:46:08.123Z",
      ts_ms: 1_795_301_168_123,
      part_id: null,
      trigger_id: null,
      recipe_id: "sku9-top",
      verdict: "fail",
      evaluation: null,
      reason: "scratch>0.5mm",
      score: null,
    });
  });

  test("retained topics come back after the broker lost them", async () => {
    const broker = await Mosquitto.start();
    const service = await startService(new MemoryResultLog(), broker.port, { retainVerdict: false });
    service.setState("info", { version: "1" });
    service.setState("camera/cam0/status", "online");
    service.setState("health", { uptime_s: 1 }, { expiryS: 120 });
    service.setState("info", { version: "2" });
    await connected(service);
    await broker.kill();
    await untilStatus(service, (status) => !status.connected);
    await broker.start();
    const subscriber = await Subscriber.connect(broker.port);
    await subscriber.until(() => subscriber.on(`${ROOT}/health`).length === 1);
    expect(subscriber.on(`${ROOT}/state`)[0]?.text).toBe("online");
    expect(subscriber.on(`${ROOT}/info`)[0]?.text).toBe('{"version":"2"}');
    expect(subscriber.on(`${ROOT}/camera/cam0/status`)[0]?.text).toBe("online");
    const expiryS = subscriber.on(`${ROOT}/health`)[0]?.packet.properties?.messageExpiryInterval;
    expect(expiryS).toBeGreaterThan(100);
    expect(expiryS).toBeLessThanOrEqual(120);
  });

  test("stop delivers what waits, says `stopped` and no last will follows", async () => {
    const broker = await Mosquitto.start();
    const subscriber = await Subscriber.connect(broker.port);
    const log = new MemoryResultLog();
    const service = await startService(log, broker.port);
    await connected(service);
    for (const n of range(1, 300)) await log.append(result(n));
    await Promise.all([service.stop({ drainMs: 20_000 }), service.stop({ drainMs: 20_000 })]);
    expect(log.cursor("mqtt")).toBe(300);
    expect(service.status().connected).toBe(false);
    await service.start();
    await subscriber.until(() => subscriber.on(`${ROOT}/state`).length === 3);
    expect(subscriber.on(`${ROOT}/state`).map(({ text }) => text)).toEqual(["online", "stopped", "online"]);
  });

  test("stop without a broker ends when its time is over", async () => {
    const broker = await Mosquitto.start();
    await broker.kill();
    const log = new MemoryResultLog();
    await log.append(result(1));
    const service = await startService(log, broker.port);
    await service.stop({ drainMs: 50 });
    expect(log.cursor("mqtt")).toBe(0);
  });

  test.for(["3.1.1", "5"])("a killed process leaves `offline` behind (MQTT %s)", async (protocol) => {
    const broker = await Mosquitto.start();
    const subscriber = await Subscriber.connect(broker.port);
    await runChild(await tempFolder(), broker.port, protocol, 50);
    await subscriber.until(() => subscriber.on(`${ROOT}/state`).length === 2);
    expect(subscriber.on(`${ROOT}/state`).map(({ text }) => text)).toEqual(["online", "offline"]);
  });
});

describe("access", () => {
  test("a wrong password is refused with a hint; after it is put right, results arrive", async () => {
    const broker = await Mosquitto.start();
    await broker.kill();
    const passwords = join(broker.folder, "passwords");
    await writeFile(passwords, "");
    await run("mosquitto_passwd", ["-b", passwords, "insp", "other"]);
    await broker.configure(["allow_anonymous false", `password_file ${passwords}`]);
    await broker.start();
    const log = new MemoryResultLog();
    await log.append(result(1));
    const login = { username: "insp", password: "secret" };
    const logger = new RecordingLogger();
    const service = await startService(log, broker.port, login, { logger });
    const { lastError } = await untilStatus(service, (status) => status.lastError !== undefined);
    expect(lastError?.code).toBe("ERR_MQTT_REFUSED");
    expect(lastError?.message).toMatch(/not authorized|bad user name or password/);

    await broker.kill();
    await run("mosquitto_passwd", ["-b", passwords, "insp", "secret"]);
    await broker.start();
    await connected(service);
    const subscriber = await Subscriber.connect(broker.port, "#", login);
    await subscriber.until(() => subscriber.on(VERDICT).length === 1);
    expect(service.status().lastError).toBeUndefined();
  });

  test("a topic that the broker's rules deny: ERR_MQTT_REFUSED names it, nothing is skipped", async () => {
    const broker = await Mosquitto.start();
    await broker.kill();
    const rules = join(broker.folder, "rules");
    await writeFile(rules, `topic write ${ROOT}/state\ntopic read #\n`);
    await broker.configure(["allow_anonymous true", `acl_file ${rules}`]);
    await broker.start();
    const log = new MemoryResultLog();
    await log.append(result(1));
    const service = await startService(log, broker.port);
    // Mosquitto may close the connection before the refusal is read; then the next attempt says it.
    const { lastError } = await untilStatus(
      service,
      (status) => status.lastError?.code === "ERR_MQTT_REFUSED",
    );
    expect(lastError?.message).toContain(`${RESULT}: not authorized`);
    expect(log.cursor("mqtt")).toBe(0);
    await broker.kill();
    await writeFile(rules, "topic readwrite #\n");
    await broker.start();
    await expect.poll(() => log.cursor("mqtt")).toBe(1);
  });

  test("another client with the same id throws us out: the hint names the id", async () => {
    const broker = await Mosquitto.start();
    const service = await startService(new MemoryResultLog(), broker.port);
    await connected(service);
    const lost = untilStatus(service, (status) => !status.connected);
    await Subscriber.connect(broker.port, "#", { clientId: "sightline-insp-07" });
    const { lastError } = await lost;
    expect(lastError?.hint).toContain("client id sightline-insp-07");
  });

  test("TLS: an unknown authority is refused with a hint, the right one connects, `verify: false` too", async () => {
    const folder = await tempFolder();
    const ca = await makeCertificates(folder);
    const broker = await Mosquitto.start([
      "allow_anonymous true",
      `certfile ${join(folder, "server.pem")}`,
      `keyfile ${join(folder, "server.key")}`,
    ]);
    const url = `mqtts://127.0.0.1:${broker.port}`;
    const log = new MemoryResultLog();
    const stranger = await startService(log, broker.port, { url });
    const { lastError } = await untilStatus(stranger, (status) => status.lastError !== undefined);
    expect(lastError).toMatchObject({
      code: "ERR_MQTT_UNREACHABLE",
      hint: expect.stringContaining("mqtt.tls.ca"),
    });
    await stranger.stop({ drainMs: 0 });

    const trusting = await startService(log, broker.port, { url, tls: { ca } });
    await log.append(result(1));
    await connected(trusting);
    await expect.poll(() => log.cursor("mqtt")).toBe(1);
    await trusting.stop({ drainMs: 0 });

    const careless = await startService(log, broker.port, { url, tls: { verify: false } });
    await connected(careless);
  });
});

/** An authority and a server certificate for 127.0.0.1 in `folder`; returns the authority's PEM. */
async function makeCertificates(folder: string): Promise<string> {
  const openssl = (...args: string[]) => run("openssl", args, { cwd: folder });
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"];
  await openssl(
    "req",
    "-x509",
    ...key,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "2",
    "-subj",
    "/CN=test CA",
  );
  await openssl("req", ...key, "-keyout", "server.key", "-out", "server.csr", "-subj", "/CN=broker");
  await writeFile(join(folder, "san"), "subjectAltName=IP:127.0.0.1");
  const sign = ["-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "san", "-days", "2"];
  await openssl("x509", "-req", "-in", "server.csr", "-out", "server.pem", ...sign);
  return readFile(join(folder, "ca.pem"), "utf8");
}
