import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openBundle } from "../../models/bundle/bundle.ts";
import { machineTargets } from "../../models/bundle/targets.ts";
import { readModel } from "../../models/onnx/read-model.ts";
import { evaluate } from "../../models/zoo/pcb-aoi/evaluate.ts";
import { cpuFeatures } from "../../runtime/native/index.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import { latenciesMs } from "../../toolchain/quantize/latency.ts";
import { cost, type Result, rate } from "../bench.ts";
import { PCB_AOI } from "../watched-process.ts";
import { openSubject } from "./subjects.ts";

/** Boards with labels: a folder with `images` and `labels`; else those that come with the model. */
const BOARDS = process.env.SIGHTLINE_BOARDS ?? join(PCB_AOI, "samples");

/** The shipped detector's int8 variant for this machine against its float one. */
export async function detector(provider: ExecutionProvider): Promise<Result[]> {
  const targets = machineTargets(process.arch, cpuFeatures());
  const [int8, float] = await Promise.all([
    openBundle(PCB_AOI, { targets }),
    openBundle(PCB_AOI, { variant: "fp32" }),
  ]);
  const models = await Promise.all([int8, float].map(({ stages }) => readModel(stages[0]?.path ?? "")));
  const { heldOut } = await openSubject(provider, "pcb-aoi");
  const [int8Ms = 0, floatMs = 0] = await latenciesMs(provider, models, heldOut[0] ?? {});
  const [quick, exact] = [(await score(int8.variant.name)) * 100, (await score("fp32")) * 100];
  const hasVnni = targets.includes("linux-x64-vnni");
  return [
    cost(`pcb-aoi ${int8.variant.name}: size of float's`, "×", int8.bytes / float.bytes, 0.3),
    rate("pcb-aoi int8 against float", "runs/s", 1000 / int8Ms, 1000 / floatMs, hasVnni ? 1 / 0.6 : 1),
    precision(`pcb-aoi int8: mean AP on ${boards()} boards`, quick, exact),
  ];
}

const boards = (): number => readdirSync(join(BOARDS, "images")).length;

async function score(variant: string): Promise<number> {
  return (await evaluate(BOARDS, { variant })).all?.ap ?? 0;
}

const precision = (name: string, ours: number, theirs: number): Result => ({
  ...{ case: name, unit: "points", ours, theirs, ratio: ours / theirs },
  ...{ goal: "≤ 0.5 points lost", ok: theirs - ours <= 0.5 },
});
