import { expect, test } from "vitest";
import { type Instance, Scheduler } from "../../../runtime/scheduler/scheduler.ts";
import { FakeClock } from "../../support/fake-clock.ts";

/** An instance whose runs end when the test says so. */
class HeldInstance implements Instance<string, string> {
  readonly runs: { inputs: readonly string[]; end(): void; fail(error: Error): void }[] = [];

  run(inputs: readonly string[]): Promise<string[]> {
    return new Promise((resolve, reject) => {
      this.runs.push({ inputs, end: () => resolve(inputs.map((i) => `${i}!`)), fail: reject });
    });
  }
}

function make(instances: number, queueSize = 8) {
  const clock = new FakeClock();
  const held = Array.from({ length: instances }, () => new HeldInstance());
  const scheduler = new Scheduler<string, string>({ clock }, { instances: held, queueSize, maxBatch: 1 });
  const started = () => held.flatMap((h) => h.runs);
  return { clock, scheduler, started };
}

test("an idle instance never waits, and each gets one batch at a time", async () => {
  const { scheduler, started } = make(2);
  const [a, b, c] = ["a", "b", "c"].map((input) => scheduler.submit(input));
  expect(started()).toHaveLength(2);
  expect(scheduler.waiting).toBe(1);
  for (const run of started()) run.end();
  expect((await a)?.output).toBe("a!");
  expect((await b)?.output).toBe("b!");
  await Promise.resolve();
  expect(started()).toHaveLength(3);
  started()
    .find((run) => run.inputs[0] === "c")
    ?.end();
  expect((await c)?.output).toBe("c!");
});

test("one more than the queue holds is refused at once, and the others are not touched", async () => {
  const { scheduler, started } = make(1, 1);
  const running = scheduler.submit("a");
  const waiting = scheduler.submit("b");
  await expect(scheduler.submit("c")).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
  started()[0]?.end();
  await running;
  started()[1]?.end();
  expect((await waiting).output).toBe("b!");
});

test("a request whose turn comes after its deadline is dropped and not run", async () => {
  const { clock, scheduler, started } = make(1);
  const first = scheduler.submit("a");
  const late = scheduler.submit("b", 10n);
  clock.ns = 11n;
  started()[0]?.end();
  await first;
  await expect(late).rejects.toMatchObject({ code: "ERR_DEADLINE" });
  expect(started()).toHaveLength(1);
});

test("a failed run fails its own requests; the instance goes on", async () => {
  const { scheduler, started } = make(1);
  const bad = scheduler.submit("a");
  const good = scheduler.submit("b");
  started()[0]?.fail(new Error("broken"));
  await expect(bad).rejects.toThrow("broken");
  started()[1]?.end();
  expect((await good).output).toBe("b!");
});

test("what was dropped while nothing ran stands in the record of the next batch", async () => {
  const clock = new FakeClock();
  const instance = new HeldInstance();
  const dropped: number[] = [];
  const onBatch = (record: { dropped: number }) => dropped.push(record.dropped);
  const options = { instances: [instance], queueSize: 8, maxBatch: 1 };
  const scheduler = new Scheduler<string, string>({ clock, onBatch }, options);
  clock.ns = 20n;
  await expect(scheduler.submit("late", 10n)).rejects.toMatchObject({ code: "ERR_DEADLINE" });
  const good = scheduler.submit("good");
  instance.runs[0]?.end();
  await good;
  expect(dropped).toEqual([1]);
});
