import { once } from "node:events";
import { existsSync } from "node:fs";
import { open, readdir, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { Worker } from "node:worker_threads";
import { describe, expect, onTestFinished, test } from "vitest";
import { systemClock } from "../../runtime/base/clock.ts";
import { silentLogger } from "../../runtime/base/logger.ts";
import { Outbox, type OutboxOptions, type Verdict } from "../../services/outbox/outbox.ts";
import { spawnWriter } from "../../services/outbox/store-thread.ts";
import { MemoryResultLog } from "../fakes/memory-result-log.ts";
import { run, startChild } from "../support/child-processes.ts";
import { RecordingLogger } from "../support/recording-logger.ts";
import { range, result } from "../support/results.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { resultLogContract } from "./result-log-contract.ts";

const MiB = 2 ** 20;

async function openOutbox(
  options: Partial<OutboxOptions> = {},
  deps: { logger?: RecordingLogger; spawn?: () => Worker } = {},
): Promise<Outbox> {
  const path = options.path ?? (await tempFolder());
  const outbox = new Outbox(
    { logger: silentLogger, clock: systemClock, ...deps },
    { maxBytes: 64 * MiB, commitDelayMs: 5, ...options, path },
  );
  await outbox.start();
  onTestFinished(() => outbox.stop());
  return outbox;
}

const appendAll = (outbox: Outbox, numbers: number[], options?: Parameters<typeof result>[1]) =>
  Promise.all(numbers.map((n) => outbox.append(result(n, options))));

async function readAll(outbox: Outbox, sink = "mqtt") {
  const rows = await outbox.read(sink, 100);
  for (let last = rows.at(-1); last; ) {
    const more = await outbox.read(sink, 100, last.position);
    rows.push(...more);
    last = more.at(-1);
  }
  return rows;
}

resultLogContract("outbox", () => openOutbox());
resultLogContract("memory", async () => new MemoryResultLog());

describe("restart", () => {
  test("keeps rows, seq, cursor and counters", async () => {
    const path = await tempFolder();
    const first = await openOutbox({ path });
    await appendAll(first, range(1, 10));
    await appendAll(first, range(11, 12), { verdict: "fail" });
    const rows = await first.read("mqtt", 4);
    first.ack("mqtt", rows[3]?.position ?? 0);
    await first.stop();
    await first.stop();

    const second = await openOutbox({ path });
    expect(await second.append(result(13))).toBe(13);
    expect((await readAll(second)).map(({ seq }) => seq)).toEqual(range(5, 13));
    expect(await second.counters("top")).toMatchObject({
      total: 13,
      pass: 11,
      fail: 2,
      review: 0,
      error: 0,
      by_defect: { scratch: 4 },
      since: expect.stringMatching(/^\d{4}-/),
    });
  });

  test("positions go on after every row was delivered and deleted", async () => {
    const path = await tempFolder();
    const first = await openOutbox({ path, maxBytes: 1 });
    await first.read("mqtt", 1);
    await appendAll(first, range(1, 40));
    await first.stop();
    const second = await openOutbox({ path });
    await appendAll(second, range(41, 42));
    expect((await readAll(second)).map(({ seq }) => seq)).toEqual([41, 42]);
    expect((await second.stats()).dropped).toBe(40);
  });

  test("an acknowledgement without new rows is kept within about a second", async () => {
    const path = await tempFolder();
    const outbox = await openOutbox({ path });
    await appendAll(outbox, range(1, 3));
    outbox.ack("mqtt", (await outbox.read("mqtt", 3))[1]?.position ?? 0);
    const wal = join(path, "results.db-wal");
    const before = (await stat(wal)).mtimeMs;
    await expect.poll(async () => (await stat(wal)).mtimeMs).toBeGreaterThan(before);
  });

  test("used before start or after stop: ERR_STORE_OPEN", async () => {
    const outbox = await openOutbox();
    await outbox.stop();
    await expect(outbox.append(result(1))).rejects.toMatchObject({ code: "ERR_STORE_OPEN" });
    await outbox.start();
    expect(await outbox.append(result(1))).toBe(1);
  });
});

test("writers that wait for their own group never wait for each other", async () => {
  const outbox = await openOutbox({ commitRows: 20, commitDelayMs: 60_000 });
  const writers = range(1, 20).map(async (writer) => {
    for (const n of range(1, 30)) await outbox.append(result(writer * 100 + n));
  });
  await Promise.all(writers);
  expect((await outbox.stats()).depth).toBe(0);
  expect((await readAll(outbox)).length).toBe(600);
});

test("stop commits what still waits", async () => {
  const path = await tempFolder();
  const outbox = await openOutbox({ path, commitDelayMs: 60_000 });
  const waiting = appendAll(outbox, range(1, 3));
  await outbox.stop();
  expect(await waiting).toEqual([1, 2, 3]);
});

test("SIGKILL loses nothing that was resolved and leaves seq gapless", async () => {
  const path = await tempFolder();
  const script = fileURLToPath(new URL("../support/outbox-child.ts", import.meta.url));
  let durable = 0;
  for (const killAfter of [1, 40, 150, 260]) {
    const child = startChild(process.execPath, [script, path], { stdio: ["ignore", "pipe", "inherit"] });
    const exited = once(child, "exit");
    let seen = 0;
    for await (const line of createInterface({ input: child.stdout })) {
      if (line === "ready") continue;
      durable = Math.max(durable, Number(line));
      if (++seen === killAfter) child.kill("SIGKILL");
    }
    await exited;
  }
  const outbox = await openOutbox({ path });
  const seqs = (await readAll(outbox)).map(({ seq }) => seq);
  expect(durable).toBeGreaterThanOrEqual(1 + 40 + 150 + 260);
  expect(seqs.length).toBeGreaterThanOrEqual(durable);
  expect(seqs).toEqual(range(1, seqs.length));
  expect((await outbox.counters("top")).total).toBe(seqs.length);
});

describe("opening", () => {
  test("a store in use by another process: ERR_STORE_OPEN says so", async () => {
    const path = await tempFolder();
    const script = fileURLToPath(new URL("../support/outbox-child.ts", import.meta.url));
    const child = startChild(process.execPath, [script, path], { stdio: ["ignore", "pipe", "inherit"] });
    await once(child.stdout, "data");
    await expect(openOutbox({ path })).rejects.toMatchObject({
      code: "ERR_STORE_OPEN",
      hint: expect.stringContaining("Another daemon uses this store"),
    });
  });

  test("a second store on the same folder in this process is refused too", async () => {
    const path = await tempFolder();
    await openOutbox({ path });
    await expect(openOutbox({ path })).rejects.toMatchObject({ code: "ERR_STORE_OPEN" });
  });

  test("a path that cannot be a folder: ERR_STORE_OPEN", async () => {
    const file = join(await tempFolder(), "file");
    await writeFile(file, "");
    await expect(openOutbox({ path: join(file, "store") })).rejects.toMatchObject({ code: "ERR_STORE_OPEN" });
  });
});

describe("a damaged store", () => {
  test("is set aside, a fresh one starts, seq and counters go on where they are readable", async () => {
    const path = await tempFolder();
    const first = await openOutbox({ path });
    await appendAll(first, range(1, 300), { padding: 500 });
    await first.stop();
    await overwrite(join(path, "results.db"), 20 * 4096, 4096 * 8);

    const logger = new RecordingLogger();
    const second = await openOutbox({ path }, { logger });
    const { recovered } = await second.stats();
    expect(recovered).toMatch(/results\.db\.corrupt-\d+$/);
    expect(existsSync(recovered ?? "")).toBe(true);
    expect(logger.lines.filter(({ level }) => level === "warn").length).toBe(1);
    expect(await second.append(result(301))).toBe(301);
    expect((await second.counters("top")).total).toBe(301);
  });

  test("even if nothing of it is a database", async () => {
    const path = await tempFolder();
    await writeFile(join(path, "results.db"), "x".repeat(50_000));
    const outbox = await openOutbox({ path });
    expect(await outbox.append(result(1))).toBe(1);
    expect((await readdir(path)).filter((name) => name.includes(".corrupt-")).length).toBeGreaterThan(0);
  });
});

describe("size limit", () => {
  const limited = { maxBytes: 400 * 1024, commitDelayMs: 1 };
  const big = { padding: 900 };

  test("delivered rows go first, oldest first, and nothing counts as dropped", async () => {
    const outbox = await openOutbox(limited);
    await outbox.read("mqtt", 1);
    for (let n = 1; n <= 1_000; n += 50) {
      await appendAll(outbox, range(n, n + 49), big);
      outbox.ack("mqtt", (await readAll(outbox)).at(-1)?.position ?? 0);
    }
    const kept = (await readAll(outbox, "history")).map(({ seq }) => seq);
    expect(kept).toEqual(range(1_001 - kept.length, 1_000));
    expect(kept.length).toBeGreaterThan(100);
    expect(await outbox.stats()).toMatchObject({ dropped: 0 });
    expect((await outbox.stats()).bytes).toBeLessThanOrEqual(limited.maxBytes);
  });

  test("then undelivered pass rows, then review, then fail and error; each drop is counted and a gap", async () => {
    const logger = new RecordingLogger();
    const outbox = await openOutbox(limited, { logger });
    await outbox.read("mqtt", 1);
    const batch = async (verdict: Verdict, from: number, to: number) => {
      for (let n = from; n <= to; n += 10) await appendAll(outbox, range(n, n + 9), { ...big, verdict });
    };
    await batch("fail", 1, 100);
    await batch("pass", 101, 200);
    await batch("review", 201, 300);
    const count = async (verdict: Verdict) =>
      (await readAll(outbox)).filter((row) => row.verdict === verdict).length;
    const passesLeft = await count("pass");
    expect(passesLeft).toBeGreaterThan(0);
    expect(passesLeft).toBeLessThan(100);
    expect([await count("review"), await count("fail")]).toEqual([100, 100]);
    const passes = (await readAll(outbox)).filter((row) => row.verdict === "pass").map(({ seq }) => seq);
    expect(passes).toEqual(range(201 - passesLeft, 200));

    await batch("error", 301, 400);
    expect([await count("pass"), await count("fail"), await count("error")]).toEqual([0, 100, 100]);
    expect(await count("review")).toBeLessThan(100);

    await batch("fail", 401, 600);
    expect([await count("pass"), await count("review")]).toEqual([0, 0]);
    const rows = await readAll(outbox);
    const stats = await outbox.stats();
    expect(stats.dropped).toBe(600 - rows.length);
    expect(stats.depth).toBe(rows.length);
    expect(stats.bytes).toBeLessThanOrEqual(limited.maxBytes);
    expect(stats.degraded?.code).toBe("ERR_STORE_FULL");
    expect(logger.count("result store is full")).toBe(1);
    expect((await outbox.counters("top")).total).toBe(600);

    for (let n = 601; n <= 1_400; n += 50) {
      outbox.ack("mqtt", (await readAll(outbox)).at(-1)?.position ?? 0);
      await appendAll(outbox, range(n, n + 49), big);
    }
    expect((await outbox.stats()).degraded).toBeUndefined();
    expect(logger.count("result store has room again")).toBe(1);
    expect((await outbox.stats()).dropped).toBe(600 - rows.length);
  });

  test("a lowered limit also gives file space back", async () => {
    const path = await tempFolder();
    const first = await openOutbox({ path });
    await appendAll(first, range(1, 900), { padding: 4_000 });
    await first.stop();
    const before = (await stat(join(path, "results.db"))).size;
    const second = await openOutbox({ path, maxBytes: 300 * 1024 });
    for (const n of range(901, 930)) await second.append(result(n));
    await second.stop();
    expect((await stat(join(path, "results.db"))).size).toBeLessThan(before / 3);
  });
});

/** A limit on the size of written files makes the kernel refuse writes as a full disk does (EFBIG for ENOSPC). */
async function limitFileSize(bytes: number | "unlimited"): Promise<void> {
  await run("prlimit", ["--pid", String(process.pid), `--fsize=${bytes}:`]);
}

describe("a disk that refuses writes", () => {
  test("rows wait in memory, the state says why, and they are stored when it works again", async () => {
    const logger = new RecordingLogger();
    const outbox = await openOutbox({ retryMs: { min: 5, max: 20 }, bufferRows: 30 }, { logger });
    await outbox.read("mqtt", 1);
    await appendAll(outbox, range(1, 5));
    await limitFileSize(4_096);
    onTestFinished(() => limitFileSize("unlimited"));

    const waiting = appendAll(outbox, range(6, 35));
    await expect.poll(async () => (await outbox.stats()).degraded?.code).toBe("ERR_STORE_WRITE");
    expect((await outbox.stats()).buffered).toBe(30);
    await expect(outbox.append(result(36))).rejects.toMatchObject({ code: "ERR_STORE_WRITE" });
    expect((await outbox.stats()).dropped).toBe(1);

    await limitFileSize("unlimited");
    expect(await waiting).toEqual(range(6, 35));
    expect(await outbox.append(result(37))).toBe(37);
    expect((await readAll(outbox)).map(({ seq }) => seq)).toEqual([...range(1, 35), 37]);
    const stats = await outbox.stats();
    expect(stats.degraded).toBeUndefined();
    expect(stats).toMatchObject({ dropped: 1, buffered: 0, depth: 36 });
    expect(logger.lines.map(({ level }) => level)).toEqual(["error", "info"]);
  });

  test("stop does not wait for it: what cannot be written is rejected", async () => {
    const outbox = await openOutbox({ retryMs: { min: 60_000, max: 60_000 } });
    await limitFileSize(4_096);
    onTestFinished(() => limitFileSize("unlimited"));
    const waiting = Promise.allSettled(range(1, 3).map((n) => outbox.append(result(n))));
    await expect.poll(async () => (await outbox.stats()).degraded?.code).toBe("ERR_STORE_WRITE");
    await outbox.stop();
    for (const outcome of await waiting) {
      expect(outcome).toMatchObject({ status: "rejected", reason: { code: "ERR_STORE_WRITE" } });
    }
  });
});

test("a dead store thread is replaced; nothing is lost or stored twice", async () => {
  const workers: Worker[] = [];
  const spawnAndKeep = () => {
    const worker = spawnWriter();
    workers.push(worker);
    return worker;
  };
  const outbox = await openOutbox({ retryMs: { min: 5, max: 20 } }, { spawn: spawnAndKeep });
  const before = appendAll(outbox, range(1, 30));
  await workers[0]?.terminate();
  const after = appendAll(outbox, range(31, 60));
  expect([...(await before), ...(await after)]).toEqual(range(1, 60));
  expect(workers.length).toBe(2);
  expect((await readAll(outbox)).map(({ seq }) => seq)).toEqual(range(1, 60));
});

async function overwrite(path: string, offset: number, bytes: number): Promise<void> {
  await rm(`${path}-wal`, { force: true });
  const file = await open(path, "r+");
  await file.write(Buffer.alloc(bytes, 0xa5), 0, bytes, offset);
  await file.close();
}
