import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import type { Verb } from "../../cli/verb.ts";
import { infer } from "../../cli/verbs/infer.ts";
import { inspect } from "../../cli/verbs/model/inspect.ts";
import { split } from "../../cli/verbs/model/split.ts";
import { ONNX_FILES } from "../support/onnx-models.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { recordingContext } from "../unit/cli/recording-context.ts";

const MODEL = ONNX_FILES.mobilenetV1 ?? "";
const PICTURE = join(ONNX_FILES.pcbAoi ?? "", "..", "samples/images/00041207.jpg");

async function run(verb: Verb, folder: string, ...args: string[]) {
  const { context, outLines } = recordingContext(folder);
  const code = await verb.run(args, context);
  return { code, text: outLines.join("\n") };
}

/** Cutting runs a model some thirty times. */

describe("model inspect", () => {
  it("shows a model as a page and as an object", async () => {
    const { code, text } = await run(inspect, "/", MODEL);
    expect(code).toBe(0);
    expect(text).toContain("467,651 parameters in 467.7 KiB");
    expect(text).toMatch(/\n {2}Conv +28 +28\n/);
    expect(text).toMatch(/The model can be split at \d\d points/);
    const { text: json } = await run(inspect, "/", MODEL, "--json");
    const { cuts, macs, name, operators } = JSON.parse(json);
    expect([name, Math.round(macs / 1e5)]).toEqual(["mobilenet_v1_0.25_128.w8", 136]);
    expect(operators[0]).toMatchObject({ operator: "DequantizeLinear", count: 28 });
    expect(cuts.length).toBeGreaterThan(20);
  });

  it("shows what there is to see of a model that does not run, and why", async () => {
    const model = ONNX_FILES.ocrRec ?? "";
    const { code, text } = await run(inspect, "/", model, "--shape", "x=1x3x47x1");
    expect(code).toBe(1);
    expect(text).toContain("  Conv ");
    expect(text).toContain('The model does not run: input "x" has the shape ?x3x48x?, not 1x3x47x1');
    await expect(run(inspect, "/", model, "--shape", "x")).rejects.toEqual(
      expect.objectContaining({ code: "ERR_USAGE" }),
    );
  });
});

describe("model split", () => {
  it("writes a bundle that sees what the whole sees", async () => {
    const folder = await tempFolder();
    const { code, text } = await run(split, folder, "pcb-aoi", "--stages", "3", "-o", "staged");
    expect([code, text.split("\n").at(-1)]).toEqual([
      0,
      "The stages give bit-identical results to the whole model, with 1 and 2 threads.",
    ]);
    expect((await readdir(folder)).toSorted()).toEqual(["staged"]);
    const see = async (model: string) => {
      const { text: json } = await run(infer, folder, "--model", model, "--json", PICTURE);
      return JSON.parse(json).detections;
    };
    const seen = await see("staged");
    expect(seen.length).toBeGreaterThan(2);
    expect(seen).toEqual(await see("pcb-aoi"));
    await expect(run(split, folder, "staged", "--stages", "2", "-o", "again")).rejects.toEqual(
      expect.objectContaining({
        code: "ERR_USAGE",
        message: expect.stringContaining("already split into stages"),
      }),
    );
  });

  it.each([
    [["-o", "x"], "either --stages or --budget is required"],
    [["-o", "x", "--stages", "2", "--budget", "1MiB"], "either --stages or --budget is required"],
    [["-o", "x", "--stages", "many"], "--stages must be a number"],
    [["-o", "x", "--budget", "much"], "--budget must be a size"],
  ])("refuses %j", async (args, message) => {
    await expect(run(split, "/", MODEL, ...args)).rejects.toEqual(
      expect.objectContaining({ code: "ERR_USAGE", message: expect.stringContaining(message) }),
    );
  });
});
