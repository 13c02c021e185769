import { expect, onTestFinished, test, vi } from "vitest";
import type { BatchRecord } from "../../../runtime/scheduler/batch-log.ts";
import { type RunBatch, Scheduler, type SchedulerOptions } from "../../../runtime/scheduler/scheduler.ts";
import { Slots } from "../../../runtime/scheduler/slots.ts";
import { FakeClock } from "../../support/fake-clock.ts";

type Held = Parameters<RunBatch<unknown, unknown>>[0];

interface Run {
  slot: number;
  inputs: readonly string[];
  end(): void;
  fail(error: Error): void;
  held: Held;
}

/** A scheduler whose runs end when the test says so. */
function make(slotCount: number, options: Partial<SchedulerOptions> = {}) {
  const clock = new FakeClock();
  const runs: Run[] = [];
  const records: Omit<BatchRecord, "model">[] = [];
  const slots = new Slots(slotCount);
  const run = (held: Held, inputs: readonly string[]) =>
    new Promise<string[]>((resolve, fail) => {
      const end = () => resolve(inputs.map((i) => `${i}!`));
      runs.push({ slot: held.slot, inputs, end, fail, held });
    });
  const onBatch = (record: Omit<BatchRecord, "model">) => records.push(record);
  const scheduler = new Scheduler<string, string>(
    { clock, slots, run, onBatch },
    { instances: slotCount, weight: 1, queueSize: 8, maxBatch: 1, whenFull: "reject", ...options },
  );
  return { clock, scheduler, runs, records };
}

/** Ends a run and lets what follows from that happen. */
async function ended(run: Run | undefined): Promise<void> {
  run?.end();
  for (let i = 0; i < 4; i++) await Promise.resolve();
}

test("an idle slot never waits, and each gets one batch at a time", async () => {
  const { runs, scheduler } = make(2);
  const [a, b, c] = ["a", "b", "c"].map((input) => scheduler.submit(input));
  expect(runs).toHaveLength(2);
  expect(scheduler.waiting).toBe(1);
  await ended(runs[0]);
  await ended(runs[1]);
  expect((await a)?.output).toBe("a!");
  expect((await b)?.output).toBe("b!");
  expect(runs).toHaveLength(3);
  await ended(runs[2]);
  expect((await c)?.output).toBe("c!");
});

test("no more batches at once than it has instances", async () => {
  const { runs, scheduler } = make(2, { instances: 1 });
  const all = ["a", "b"].map((input) => scheduler.submit(input));
  expect(runs).toHaveLength(1);
  await ended(runs[0]);
  await ended(runs[1]);
  expect((await Promise.all(all)).map(({ output }) => output)).toEqual(["a!", "b!"]);
});

test("what waits while a slot is busy goes together, up to the largest batch", async () => {
  const { records, runs, scheduler } = make(1, { maxBatch: 3 });
  const all = ["a", "b", "c", "d", "e"].map((input) => scheduler.submit(input));
  await ended(runs[0]);
  await ended(runs[1]);
  await ended(runs[2]);
  expect(runs.map(({ inputs }) => inputs)).toEqual([["a"], ["b", "c", "d"], ["e"]]);
  expect((await Promise.all(all)).map(({ output }) => output)).toEqual(["a!", "b!", "c!", "d!", "e!"]);
  expect(records.map(({ reason, size }) => ({ reason, size }))).toEqual([
    { reason: "all", size: 1 },
    { reason: "full", size: 3 },
    { reason: "all", size: 1 },
  ]);
});

test("a slot leaves the others' share for them", async () => {
  const { records, runs, scheduler } = make(2, { maxBatch: 8 });
  const all = ["a", "b", "c", "d", "e", "f"].map((input) => scheduler.submit(input));
  for (let i = 0; i < 4; i++) await ended(runs[i]);
  expect(runs.map(({ inputs }) => inputs)).toEqual([["a"], ["b"], ["c", "d"], ["e"], ["f"]]);
  await ended(runs[4]);
  expect(await Promise.all(all)).toHaveLength(6);
  expect(records.map(({ reason }) => reason)).toEqual(["all", "all", "share", "share", "all"]);
});

test("fixed sizes are waited for, and the timer lets go what has not come together", async () => {
  vi.useFakeTimers();
  onTestFinished(() => {
    vi.useRealTimers();
  });
  const { clock, runs, scheduler } = make(1, { maxBatch: 8, hold: { preferred: [2], maxDelayMs: 5 } });
  const first = scheduler.submit("a");
  expect(runs).toHaveLength(0);
  clock.advance(4);
  vi.advanceTimersByTime(4);
  expect(runs).toHaveLength(0);
  const second = scheduler.submit("b");
  expect(runs.map(({ inputs }) => inputs)).toEqual([["a", "b"]]);
  await ended(runs[0]);
  await Promise.all([first, second]);
  const alone = scheduler.submit("c");
  clock.advance(5);
  vi.advanceTimersByTime(5);
  expect(runs[1]?.inputs).toEqual(["c"]);
  await ended(runs[1]);
  expect((await alone).output).toBe("c!");
});

test("a run that waits for another's stage gives its slot back, and goes on when one is free again", async () => {
  const { runs, scheduler } = make(1, { instances: 2 });
  const all = ["a", "b", "c"].map((input) => scheduler.submit(input));
  expect(runs).toHaveLength(1);
  const other = Promise.withResolvers<string>();
  const resumed = runs[0]?.held.without(other.promise);
  expect(runs.map(({ slot }) => slot)).toEqual([0, 0]);
  other.resolve("made");
  let hasSlot = false;
  void resumed?.then(() => {
    hasSlot = true;
  });
  await Promise.resolve();
  expect(hasSlot).toBe(false);
  await ended(runs[1]);
  expect(await resumed).toBe("made");
  expect(runs).toHaveLength(2);
  await ended(runs[0]);
  await ended(runs[2]);
  expect(await Promise.all(all)).toHaveLength(3);
});

test("a run goes on with a slot, too, when what it waited for has failed", async () => {
  const { runs, scheduler } = make(1);
  const all = ["a", "b"].map((input) => scheduler.submit(input));
  await expect(runs[0]?.held.without(Promise.reject(new Error("not made")))).rejects.toThrow("not made");
  expect(runs[0]?.held.slot).toBe(0);
  await ended(runs[0]);
  await ended(runs[1]);
  expect(await Promise.all(all)).toHaveLength(2);
});

test("one more than the queue holds is refused at once, and the others are not touched", async () => {
  const { runs, scheduler } = make(1, { queueSize: 1 });
  const running = scheduler.submit("a");
  const waiting = scheduler.submit("b");
  await expect(scheduler.submit("c")).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
  await ended(runs[0]);
  await running;
  await ended(runs[1]);
  expect((await waiting).output).toBe("b!");
});

test("or takes the place of the one that waits longest", async () => {
  const { records, runs, scheduler } = make(1, { queueSize: 1, whenFull: "drop_oldest" });
  const running = scheduler.submit("a");
  const waiting = scheduler.submit("b");
  const newest = scheduler.submit("c");
  await expect(waiting).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
  await ended(runs[0]);
  await ended(runs[1]);
  expect((await running).output).toBe("a!");
  expect((await newest).output).toBe("c!");
  expect(records.map(({ dropped }) => dropped)).toEqual([0, 1]);
});

test("with drop_oldest the one that came first goes, also when deadlines have put others before it", async () => {
  const { clock, runs, scheduler } = make(1, { queueSize: 2, whenFull: "drop_oldest" });
  const first = scheduler.submit("a");
  const oldest = scheduler.submit("no deadline");
  const urgent = scheduler.submit("urgent", { deadlineNs: 50_000_000n });
  clock.advance(1);
  await ended(runs[0]);
  await first;
  const behind = scheduler.submit("behind");
  expect(runs[1]?.inputs).toEqual(["urgent"]);
  const newest = scheduler.submit("newest");
  await expect(oldest).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
  for (const i of [1, 2, 3]) await ended(runs[i]);
  expect(await Promise.all([urgent, behind, newest])).toHaveLength(3);
});

test("a request whose turn comes after its deadline is dropped and not run", async () => {
  const { clock, runs, scheduler } = make(1);
  const first = scheduler.submit("a");
  const late = scheduler.submit("b", { deadlineNs: 10n });
  clock.ns = 11n;
  runs[0]?.end();
  await first;
  await expect(late).rejects.toMatchObject({ code: "ERR_DEADLINE" });
  expect(runs).toHaveLength(1);
});

test("a request without a deadline has the model's", async () => {
  const { clock, runs, scheduler } = make(1, { deadlineMs: 30 });
  const first = scheduler.submit("a");
  const late = scheduler.submit("b");
  clock.advance(31);
  runs[0]?.end();
  await first;
  await expect(late).rejects.toMatchObject({ code: "ERR_DEADLINE" });
});

test("a failed run fails its own requests; the slot goes on", async () => {
  const { runs, scheduler } = make(1);
  const bad = scheduler.submit("a");
  const good = scheduler.submit("b");
  runs[0]?.fail(new Error("broken"));
  await expect(bad).rejects.toThrow("broken");
  runs[1]?.end();
  expect((await good).output).toBe("b!");
});

test("what was dropped while nothing ran stands in the record of the next batch", async () => {
  const { clock, records, runs, scheduler } = make(1);
  clock.ns = 20n;
  await expect(scheduler.submit("late", { deadlineNs: 10n })).rejects.toMatchObject({ code: "ERR_DEADLINE" });
  const good = scheduler.submit("good");
  runs[0]?.end();
  await good;
  expect(records.map(({ dropped }) => dropped)).toEqual([1]);
});
