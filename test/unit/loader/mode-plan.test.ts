import { describe, expect, test } from "vitest";
import { type Limits, type PlannedModel, planModes } from "../../../runtime/loader/mode-plan.ts";

const MB = 2 ** 20;

function planned(
  name: string,
  warmMb: number,
  streamingMb?: number,
  stream: PlannedModel["stream"] = "auto",
) {
  const need = (mb: number) => ({ residentBytes: mb * MB, activationBytes: 5 * MB, atOnce: 1 });
  const streaming = streamingMb === undefined ? undefined : need(streamingMb);
  return { name, stream, warm: need(warmMb), streaming };
}

const limits: Limits = { residentBytes: 100 * MB, activationBytes: 10 * MB, slots: 2, beside: [] };
const streamed = (...models: PlannedModel[]) =>
  [...planModes(models, limits)].filter(([, isStreaming]) => isStreaming).map(([name]) => name);

describe("which models stream", () => {
  test("none that fit", () => {
    expect(streamed(planned("a", 60, 6), planned("b", 40, 4))).toEqual([]);
  });

  test("the largest first, and no more than have to", () => {
    expect(streamed(planned("a", 60, 6), planned("b", 50, 5), planned("c", 10))).toEqual(["a"]);
  });

  test("those that are always to stream do, if they can be cut", () => {
    expect(streamed(planned("a", 10, 1, "always"), planned("b", 10, undefined, "always"))).toEqual(["a"]);
  });

  test("one that never may is refused with what it needs and what there is", () => {
    expect(() => streamed(planned("a", 200, 20, "never"))).toThrowError(
      /a needs 200.0 MiB, there are 100.0 MiB/,
    );
  });

  test("several that do not fit together are named", () => {
    const both = [planned("a", 80), planned("b", 80)];
    expect(() => streamed(...both)).toThrowError(expect.objectContaining({ code: "ERR_MODEL_BUDGET" }));
    expect(() => streamed(...both)).toThrowError(/a and b need 160.0 MiB/);
  });

  test("what runs side by side is counted together, as far as there are slots for it", () => {
    const twice = { ...planned("a", 1), warm: { residentBytes: MB, activationBytes: 5 * MB, atOnce: 9 } };
    expect(streamed(twice)).toEqual([]);
    expect(streamed(twice, planned("b", 1))).toEqual([]);
    expect(() => planModes([twice], { ...limits, slots: 3 })).toThrowError(
      /a needs 15.0 MiB for the tensors/,
    );
    const beside = [{ activationBytes: 6 * MB, atOnce: 1 }];
    expect(() => planModes([twice], { ...limits, beside })).toThrowError(/a needs 11.0 MiB/);
  });

  test("tensors between layers have a budget of their own", () => {
    expect(() => planModes([planned("a", 1)], { ...limits, activationBytes: MB })).toThrowError(
      /activation_budget/,
    );
  });
});
