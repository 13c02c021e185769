import { expect, test } from "vitest";
import { type RunBatch, Scheduler, type SchedulerOptions } from "../../../runtime/scheduler/scheduler.ts";
import { Slots } from "../../../runtime/scheduler/slots.ts";
import { randomFrom } from "../../fuzz/random.ts";
import { FakeClock } from "../../support/fake-clock.ts";

const SLOTS = 3;
const STEPS = 30_000;
const MODELS: Partial<SchedulerOptions>[] = [
  { maxBatch: 1, weight: 2 },
  { maxBatch: 4, instances: 1, whenFull: "drop_oldest" },
  { maxBatch: 8, deadlineMs: 40 },
];

type Held = Parameters<RunBatch<unknown, unknown>>[0];

interface Run {
  model: number;
  /** Undefined while it waits for others, and while it waits for a slot again. */
  slot: number | undefined;
  inputs: readonly number[];
  end(fails: boolean): void;
  wait(): void;
}

const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

/** Several models on a few slots, with whatever may happen happening in any order. */
function world(seed: number) {
  const random = randomFrom(seed);
  const clock = new FakeClock();
  const slots = new Slots(SLOTS);
  const runs = new Set<Run>();
  const settled = new Map<number, string>();
  const schedulers = MODELS.map((options, model) => {
    const run = (held: Held, inputs: readonly number[]) =>
      new Promise<number[]>((resolve, reject) => {
        const made: Run = {
          ...{ model, slot: held.slot, inputs },
          end: (fails) => {
            if (made.slot === undefined) return;
            runs.delete(made);
            if (fails) reject(new Error("failed"));
            else resolve(inputs.map((input) => -input));
          },
          wait: () => {
            if (made.slot === undefined) return;
            made.slot = undefined;
            void held.without(Promise.resolve()).then(() => {
              made.slot = held.slot;
            });
          },
        };
        runs.add(made);
      });
    const base = { instances: 2, weight: 1, queueSize: 3, maxBatch: 1, whenFull: "reject" } as const;
    return new Scheduler<number, number>({ clock, slots, run }, { ...base, ...options });
  });
  let submitted = 0;
  const submit = () => {
    const input = ++submitted;
    const settle = (how: string) => {
      if (settled.has(input)) throw new Error(`${input} settled twice`);
      settled.set(input, how);
    };
    const deadlineNs = random() < 0.5 ? clock.ns + BigInt(Math.floor(random() * 60e6)) : undefined;
    schedulers[Math.floor(random() * schedulers.length)]?.submit(input, { deadlineNs }).then(
      ({ output }) => settle(output === -input ? "done" : "wrong"),
      (error: { code?: string; message: string }) => settle(error.code ?? error.message),
    );
  };
  return { random, clock, runs, settled, schedulers, submit, count: () => submitted };
}

test.each(seeds)(
  "every request settles once and with its own answer, on a slot that is nobody else's (seed %d)",
  async (seed) => {
    const { clock, count, random, runs, schedulers, settled, submit } = world(seed);
    const check = () => {
      const taken = [...runs].map(({ slot }) => slot).filter((slot) => slot !== undefined);
      expect(new Set(taken).size).toBe(taken.length);
      for (const [model, { instances = 2, maxBatch = 1 }] of MODELS.entries()) {
        const own = [...runs].filter((run) => run.model === model);
        expect(own.length).toBeLessThanOrEqual(instances);
        expect(Math.max(0, ...own.map(({ inputs }) => inputs.length))).toBeLessThanOrEqual(maxBatch);
      }
    };
    const step = () => {
      const busy = [...runs][Math.floor(random() * runs.size)];
      const what = random();
      if (what < 0.5) submit();
      else if (what < 0.6) clock.advance(random() * 20);
      else if (what < 0.65) busy?.wait();
      else busy?.end(random() < 0.1);
    };
    for (let i = 0; i < STEPS; i++) {
      step();
      if (i % 3 === 0) await Promise.resolve();
      if (i % 50 === 0) check();
    }
    do {
      for (const run of [...runs]) run.end(false);
      await new Promise((resolve) => setImmediate(resolve));
    } while (runs.size > 0 || schedulers.some(({ waiting }) => waiting > 0));
    expect(settled.size).toBe(count());
    const ends = new Set(settled.values());
    expect(ends).toEqual(new Set(["done", "failed", "ERR_DEADLINE", "ERR_QUEUE_FULL"]));
  },
);
