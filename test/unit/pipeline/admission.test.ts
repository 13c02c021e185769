import { expect, test } from "vitest";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { Semaphore } from "../../../runtime/base/semaphore.ts";
import { admitBy } from "../../../runtime/pipeline/admission.ts";
import type { FrameModels } from "../../../runtime/pipeline/frame-models.ts";

/** Leases that are granted when the test says so; `held` counts those that were not given back. */
function setUp(permits: number) {
  const asked: PromiseWithResolvers<FrameModels>[] = [];
  const state = { held: 0 };
  const lease = () => {
    const pending = Promise.withResolvers<FrameModels>();
    asked.push(pending);
    return pending.promise;
  };
  const grant = () => {
    state.held++;
    const models = { of: () => undefined as never, identities: [], release: () => void state.held-- };
    asked.shift()?.resolve(models);
  };
  const semaphore = new Semaphore(permits);
  return { admit: admitBy({ permits: semaphore, lease }), asked, grant, semaphore, state };
}

test("who waits for models holds no permit", async () => {
  const { admit, grant, semaphore } = setUp(1);
  const waiting = admit();
  const other = await semaphore.acquire();
  expect(other.hasWaited).toBe(false);
  grant();
  other.release();
  (await waiting).release();
  expect((await semaphore.acquire()).hasWaited).toBe(false);
});

test("a permit goes to another frame while this one keeps its models, and all is given back once", async () => {
  const { admit, grant, state } = setUp(1);
  const first = admit();
  grant();
  const admission = await first;
  const second = admit();
  grant();
  await new Promise((resolve) => setImmediate(resolve));
  admission.yieldPermit();
  const next = await second;
  expect(next.hasWaited).toBe(true);
  expect(state.held).toBe(2);
  admission.release();
  expect(state.held).toBe(1);
  next.release();
  expect(state.held).toBe(0);
});

test("a frame whose models cannot be opened is admitted, and told why", async () => {
  const { admit, asked, semaphore } = setUp(1);
  const admitted = admit();
  asked[0]?.reject(new SightlineError("ERR_MODEL_LOAD", "broken"));
  const admission = await admitted;
  expect(() => admission.models).toThrow("broken");
  admission.release();
  expect((await semaphore.acquire()).hasWaited).toBe(false);
});
