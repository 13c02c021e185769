import { describe, expect, test } from "vitest";
import type { Clock } from "../../runtime/base/clock.ts";
import { silentLogger } from "../../runtime/base/logger.ts";
import { backOffMs } from "../../services/mqtt/back-off.ts";
import { networkFailure, refused } from "../../services/mqtt/failures.ts";
import { addressOf } from "../../services/mqtt/link.ts";
import type { Message } from "../../services/mqtt/message.ts";
import { Relay } from "../../services/mqtt/relay.ts";
import type { ResultRow } from "../../services/mqtt/result-log.ts";
import { RetainedTopics } from "../../services/mqtt/retained-topics.ts";
import { Topics } from "../../services/mqtt/topics.ts";
import { parsePayload, verdictSummary } from "../../services/mqtt/verdict-summary.ts";
import { MemoryResultLog } from "../fakes/memory-result-log.ts";
import { range, result } from "../support/results.ts";

test.each([
  ["mqtt://broker", { protocol: "mqtt", host: "broker", path: "" }],
  ["mqtts://[::1]:8884", { protocol: "mqtts", host: "::1", port: 8884, path: "" }],
  ["wss://broker/mqtt?x=1", { protocol: "wss", host: "broker", path: "/mqtt?x=1" }],
  ["mqtt://me:a%40b@broker", { protocol: "mqtt", host: "broker", username: "me", password: "a@b", path: "" }],
  ["mqtt://me:100%@broker", { protocol: "mqtt", host: "broker", username: "me", password: "100%", path: "" }],
])("the address %s is taken apart", (url, address) => {
  expect(addressOf(url)).toEqual(address);
});

describe("topics", () => {
  const topics = new Topics("acme/plant1/sightline", "insp-07");

  test("stand below base topic and device", () => {
    expect(topics.state).toBe("acme/plant1/sightline/insp-07/state");
    expect(topics.result("top")).toBe("acme/plant1/sightline/insp-07/pipeline/top/result");
    expect(topics.verdict("top_2")).toBe("acme/plant1/sightline/insp-07/pipeline/top_2/verdict");
    expect(topics.below("camera/cam0/status")).toBe("acme/plant1/sightline/insp-07/camera/cam0/status");
  });

  test.for(["", "Top", "a b", "a/b", "a+", "#", "$x", "ü", "a\0", "x".repeat(65)])(
    "id %j is refused",
    (id) => {
      expect(() => topics.result(id)).toThrow(expect.objectContaining({ code: "ERR_CONFIG_INVALID" }));
      expect(() => new Topics("base", id)).toThrow(expect.objectContaining({ code: "ERR_CONFIG_INVALID" }));
    },
  );

  test.for(["", "/a", "a/", "a//b", "a/+/b", "#", "$SYS", "a\0"])("base topic %j is refused", (base) => {
    expect(() => new Topics(base, "d")).toThrow(expect.objectContaining({ code: "ERR_CONFIG_INVALID" }));
  });
});

describe("verdict summary", () => {
  const row: ResultRow = { position: 9, pipeline: "top", seq: 4, id: "i", verdict: "fail", payload: "" };

  test("takes a few fields of the payload", () => {
    const payload = {
      ts: "t",
      ts_ms: 1,
      part_id: "SN1",
      frame: { id: 7, trigger_id: "4410" },
      recipe: { id: "r", rev: 1 },
      evaluation: 2,
      reasons: ["scratch", "dent"],
      score: 0.9,
      detections: [1],
    };
    expect(verdictSummary(row, payload)).toEqual({
      id: "i",
      seq: 4,
      ts: "t",
      ts_ms: 1,
      part_id: "SN1",
      trigger_id: "4410",
      recipe_id: "r",
      verdict: "fail",
      evaluation: 2,
      reason: "scratch",
      score: 0.9,
    });
  });

  test("what is absent is null, also in a payload that is no object", () => {
    for (const json of ["{}", "[1]", "null", "{broken"]) {
      expect(verdictSummary(row, parsePayload(json))).toEqual({
        id: "i",
        seq: 4,
        verdict: "fail",
        ts: null,
        ts_ms: null,
        part_id: null,
        trigger_id: null,
        recipe_id: null,
        evaluation: null,
        reason: null,
        score: null,
      });
    }
  });
});

describe("back-off", () => {
  test("doubles from min to max and keeps between half and all of it", () => {
    const limits = { min: 1_000, max: 60_000 };
    const pauses = range(0, 8).map((failures) => backOffMs(failures, limits, 0.999_999));
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000, 60_000]);
    expect(backOffMs(0, limits, 0)).toBe(500);
    expect(backOffMs(100_000, limits, 0)).toBe(30_000);
  });
});

describe("failures", () => {
  test("reason codes become text with a hint that fits", () => {
    expect(refused(134, "connection")).toMatchObject({
      code: "ERR_MQTT_REFUSED",
      message: "The broker refused the connection: bad user name or password (134)",
      hint: "Check `mqtt.username` and `mqtt.password`.",
    });
    expect(refused(250, "connection").message).toContain("unknown reason (250)");
    expect(refused(139, "connection").code).toBe("ERR_MQTT_UNREACHABLE");
  });

  test("network errors keep their text; an error without one shows its code", () => {
    expect(networkFailure(Object.assign(new Error(""), { code: "ECONNREFUSED" }))).toMatchObject({
      code: "ERR_MQTT_UNREACHABLE",
      message: "ECONNREFUSED",
    });
    expect(networkFailure(new Error("Keepalive timeout")).code).toBe("ERR_MQTT_TIMEOUT");
    expect(networkFailure(Object.assign(new Error("expired"), { code: "CERT_HAS_EXPIRED" })).hint).toContain(
      "mqtt.tls.ca",
    );
  });
});

describe("retained topics", () => {
  let nowNs = 0n;
  const clock: Clock = { nowNs: () => nowNs, wallMs: () => 0 };
  const drain = (retained: RetainedTopics): Message[] => {
    const messages: Message[] = [];
    for (let next = retained.next(); next; next = retained.next()) messages.push(next);
    return messages;
  };

  test("only the last value is sent, and again on a new connection", () => {
    const retained = new RetainedTopics(clock);
    retained.set("a", "1", {});
    retained.set("b", "1", {});
    retained.set("a", "2", {});
    expect(drain(retained).map(({ topic, payload }) => topic + payload)).toEqual(["a2", "b1"]);
    expect(drain(retained)).toEqual([]);
    retained.reset();
    expect(drain(retained).map(({ topic, payload }) => topic + payload)).toEqual(["a2", "b1"]);
  });

  test("a value's expiry runs on while there is no connection", () => {
    const retained = new RetainedTopics(clock);
    retained.set("health", "{}", {}, 120);
    nowNs += 50n * 1_000_000_000n;
    expect(drain(retained)[0]?.properties?.messageExpiryInterval).toBe(70);
    nowNs += 70n * 1_000_000_000n;
    retained.reset();
    expect(drain(retained)).toEqual([]);
  });

  test("settled when the last value is acknowledged on this connection", async () => {
    const retained = new RetainedTopics(clock);
    retained.set("a", "1", {});
    const [lost] = drain(retained);
    retained.reset();
    const [sent] = drain(retained);
    const settled = retained.settled(AbortSignal.timeout(30_000));
    lost?.acked();
    sent?.acked();
    expect(await settled).toBe(true);
    retained.set("a", "2", {});
    expect(await retained.settled(AbortSignal.timeout(5))).toBe(false);
  });
});

describe("relay", () => {
  /** Takes `count` messages, waiting for the log where needed. */
  async function take(relay: Relay, ready: () => Promise<void>, count: number): Promise<Message[]> {
    const messages: Message[] = [];
    while (messages.length < count) {
      const message = relay.next();
      if (message) messages.push(message);
      else await ready();
    }
    return messages;
  }

  async function startRelay(rows: number) {
    const log = new MemoryResultLog();
    for (const n of range(1, rows)) await log.append(result(n));
    let wake = (): void => {};
    const relay = new Relay(
      { log, logger: silentLogger, onReady: () => wake() },
      { topics: new Topics("base", "d"), retainVerdict: false },
    );
    await relay.start();
    const ready = () =>
      new Promise<void>((resolve) => {
        wake = resolve;
      });
    return { log, relay, takeMessages: (count: number) => take(relay, ready, count) };
  }

  test("a row counts when result and verdict are acknowledged and so is every row before it", async () => {
    const { log, relay, takeMessages } = await startRelay(3);
    const [result1, verdict1, result2, verdict2, result3] = await takeMessages(6);
    result2?.acked();
    verdict2?.acked();
    result3?.acked();
    verdict1?.acked();
    expect(log.cursor("mqtt")).toBe(0);
    result1?.acked();
    expect(log.cursor("mqtt")).toBe(2);
    expect(relay.published).toBe(2);
  });

  test("after a reset it begins behind the cursor; late acknowledgements of the old connection mean nothing", async () => {
    const { log, relay, takeMessages } = await startRelay(200);
    const old = await takeMessages(10);
    old[0]?.acked();
    old[1]?.acked();
    relay.reset();
    for (const message of old.slice(2)) message.acked();
    expect(log.cursor("mqtt")).toBe(1);
    const again = await takeMessages(398);
    const seqs = again
      .filter(({ topic }) => topic.endsWith("result"))
      .map(({ payload }) => JSON.parse(payload).seq);
    expect(seqs).toEqual(range(2, 200));
  });

  test("drained: at once with an empty log, when the last row is acknowledged, or at the time limit", async () => {
    const { log, relay, takeMessages } = await startRelay(0);
    await relay.drained(AbortSignal.timeout(30_000));
    await log.append(result(1));
    await relay.drained(AbortSignal.timeout(5));
    const drained = relay.drained(AbortSignal.timeout(30_000));
    for (const message of await takeMessages(2)) message.acked();
    await drained;
    expect(log.cursor("mqtt")).toBe(1);
  });
});
