import { expect, test } from "vitest";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { Shedder, type SheddingEvent } from "../../../services/daemon/shedder.ts";
import { FakeClock } from "../../support/fake-clock.ts";
import { RecordingLogger } from "../../support/recording-logger.ts";

const STEPS = [
  { every: 2 },
  { model: "boards", variant: "int8" },
  { model: "boards", bundle: "/models/small" },
  { every: 4 },
];

function make(fail?: Error) {
  const clock = new FakeClock();
  const events: SheddingEvent[] = [];
  const went: [string, object][] = [];
  let celsius: number | null = 20;
  const shedder = new Shedder(
    {
      clock,
      logger: new RecordingLogger(),
      temperature: async () => celsius,
      activate: async (model, source) => {
        went.push([model, source]);
        if (fail) throw fail;
      },
      publish: (event) => events.push(event),
    },
    { hot: 80, cool: 70, hold: 10_000, steps: STEPS },
  );
  const look = async (at: number | null) => {
    celsius = at;
    clock.advance(10_000);
    await shedder.look();
  };
  return { shedder, events, went, look };
}

test("steps are taken in their order, taken back in the other, and each is published", async () => {
  const { events, look, shedder, went } = make();
  const every: number[] = [];
  for (const celsius of [75, 85, 85, 85, 85, 85, 75, 65, 65, 65, 65, 65]) {
    await look(celsius);
    every.push(shedder.judgesEvery);
  }
  expect(every).toEqual([1, 2, 2, 2, 4, 4, 4, 2, 2, 2, 1, 1]);
  expect(went).toEqual([
    ["boards", { variant: "int8", bundle: undefined }],
    ["boards", { variant: undefined, bundle: "/models/small" }],
    // Back to what the steps that stay have, then to the configuration's.
    ["boards", { variant: "int8", bundle: undefined }],
    ["boards", {}],
  ]);
  expect(events.map(({ level, step }) => [level, step])).toEqual([
    [1, STEPS[0]],
    [2, STEPS[1]],
    [3, STEPS[2]],
    [4, STEPS[3]],
    [3, STEPS[3]],
    [2, STEPS[2]],
    [1, STEPS[1]],
    [0, STEPS[0]],
  ]);
  expect(events[0]).toMatchObject({ steps: 4, temperature_celsius: 85, error: null });
});

test("a model that cannot go over is said, and the next step follows all the same", async () => {
  const { events, look, shedder } = make(new SightlineError("ERR_MODEL_MISSING", "/models/small"));
  for (let i = 0; i < 4; i++) await look(90);
  expect(events.map(({ error }) => error?.code)).toEqual([
    undefined,
    "ERR_MODEL_MISSING",
    "ERR_MODEL_MISSING",
    undefined,
  ]);
  expect(shedder.judgesEvery).toBe(4);
});

test("a machine that does not say its temperature sheds nothing", async () => {
  const { events, look } = make();
  await look(null);
  expect(events).toEqual([]);
});
