import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, describe, expect, it, vi } from "vitest";
import { openBundle } from "../../models/bundle/bundle.ts";
import { Graph } from "../../models/onnx/graph.ts";
import { parseModel, readModel } from "../../models/onnx/read-model.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import { randomFeeds } from "../../runtime/tensor/random-feeds.ts";
import { splitModel } from "../../toolchain/split/split.ts";
import { writeSplit } from "../../toolchain/split/write-split.ts";
import { startProvider } from "../support/models.ts";
import { ONNX_FILES } from "../support/onnx-models.ts";
import { quantized } from "../support/quantized.ts";
import { repeats } from "../support/repeats.ts";
import { tempFolder } from "../support/temp-folder.ts";

const provider = startProvider(1);
afterAll(() => provider.close());

/** Cutting runs a model some thirty times. */
vi.setConfig({ testTimeout: 240_000 });

/** Where the model leaves it open. */
const SHAPES: Record<string, Record<string, number[]>> = {
  ocrDet: { x: [1, 3, 96, 96] },
  ocrRec: { x: [1, 3, 48, 96] },
  ocrCls: { x: [1, 3, 48, 96] },
};
/** Few and many stages of the models that take no time; of the others what makes the search go round. */
const FLOAT: readonly [string, readonly number[]][] = [
  ["mobilenetV1", [2, 5, 8]],
  ["mobilenetV2", [8]],
  ["fastestDet", [3]],
  ["squeezeNetFp16", [5]],
  ["ocrDet", [5]],
  ["ocrRec", [8]],
  ["ocrCls", [2, 5, 8]],
];
const CODES: readonly [string, readonly number[]][] = [
  ["mobilenetV1", [2, 5, 8]],
  ["mobilenetV2", [5]],
];
const some = (stages: readonly number[]) => stages.slice(0, repeats(stages.length));

async function open(name: string) {
  const path = ONNX_FILES[name] ?? "";
  const session = await provider.load(path);
  await session.unload();
  const feeds = [1, 2].map((seed) => randomFeeds(session.inputs, SHAPES[name] ?? {}, seed));
  return { path, model: await readModel(path), feeds: feeds as [(typeof feeds)[0], ...typeof feeds] };
}

describe.each(FLOAT)("%s in stages (seeds 1 and 2)", (name, stageCounts) => {
  it.each(some(stageCounts))("of %d is the whole, bit for bit", async (stages) => {
    const { feeds, model } = await open(name);
    const split = await splitModel(provider, model, { feeds, plan: { stages } });
    expect(split).toMatchObject({ isBitExact: true, sqnrDb: Number.POSITIVE_INFINITY });
    expect(split.stages).toHaveLength(stages);
    for (const stage of split.stages) expect(() => parseModel(encodeModel(stage.model))).not.toThrow();
  });
});

describe.each(CODES)("%s in 8 bits", (name, stageCounts) => {
  it.each(some(stageCounts))(
    "and %d stages is the whole, bit for bit, and passes on codes",
    async (stages) => {
      const { feeds, model } = await open(name);
      const codes = await quantized(provider, model, feeds[0]);
      const split = await splitModel(provider, codes, { feeds, plan: { stages } });
      expect(split.isBitExact).toBe(true);
      const graph = new Graph(codes);
      const crossing = split.cuts.flatMap(({ tensors }) => tensors);
      const made = crossing.map((tensor) => graph.producer(tensor)?.opType);
      expect(made.filter((opType) => opType === "QuantizeLinear").length).toBeGreaterThan(made.length / 2);
    },
  );
});

describe("a budget", () => {
  it("gives stages of which two fit, or the size that is needed at least", async () => {
    const { feeds, model } = await open("mobilenetV1");
    const budgetBytes = 600 * 2 ** 10;
    const split = await splitModel(provider, model, { feeds, plan: { budgetBytes } });
    const sizes = split.stages.map((stage) => encodeModel(stage.model).byteLength);
    expect(split.isBitExact).toBe(true);
    for (const [i, bytes] of sizes.entries())
      expect(bytes + (sizes[i + 1] ?? 0)).toBeLessThan(budgetBytes * 1.1);
    const tooSmall = splitModel(provider, model, { feeds, plan: { budgetBytes: 400 * 2 ** 10 } });
    await expect(tooSmall).rejects.toThrow(
      expect.objectContaining({
        code: "ERR_MODEL_SPLIT",
        message: expect.stringMatching(/400.0 KiB .* takes 512.4 KiB/),
      }),
    );
  });

  it("is refused, as are stages, when there are not so many places", async () => {
    const { feeds, model } = await open("meanColor");
    const wanted = splitModel(provider, model, { feeds, plan: { stages: 9 } });
    await expect(wanted).rejects.toEqual(expect.objectContaining({ code: "ERR_MODEL_SPLIT" }));
  });
});

describe("what is written", () => {
  it("is a bundle in which the stages stand for the whole", async () => {
    const { feeds, model } = await open("pcbAoi");
    const split = await splitModel(provider, model, { feeds: [feeds[0]], plan: { stages: 2 } });
    const whole = await openBundle(join(ONNX_FILES.pcbAoi ?? "", ".."));
    const out = join(await tempFolder(), "out");
    await writeSplit(split, { out, bundle: whole });
    const bundle = await openBundle(out);
    expect(bundle.manifest.report).toMatchObject({ bit_exact: true });
    expect(bundle.labels).toEqual(whole.labels);
    expect(bundle.stages.map(({ inputs }) => inputs)).toEqual([["image"], split.stages[1]?.inputs]);
    for (const { weights } of bundle.stages) expect(weights?.bytes).toBeGreaterThan(10_000);
    await expect(writeSplit(split, { out, bundle: whole })).rejects.toEqual(
      expect.objectContaining({ code: "ERR_MODEL_WRITE" }),
    );
  });

  it("is a list of stages where there is no manifest", async () => {
    const { feeds, model } = await open("mobilenetV1");
    const split = await splitModel(provider, model, { feeds, plan: { stages: 2 } });
    const out = join(await tempFolder(), "out");
    const stages = await writeSplit(split, { out, bundle: undefined });
    const written = JSON.parse(await readFile(join(out, "stages.json"), "utf8"));
    expect(written).toEqual({ bit_exact: true, stages });
  });
});
