// Scores the shipped detector, through `sightline infer` itself, on a folder of labelled boards.
//   node models/zoo/pcb-aoi/evaluate.ts DIR [BUNDLE [VARIANT]]      DIR/images/*.jpg, DIR/labels/*.txt (x1 y1 x2 y2 type)
// A detection is right when its class matches and IoU > 0.33, as the dataset's authors count.

import { readdir, readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { main } from "../../../cli/commands.ts";
import type { Box } from "../../../runtime/pipeline/detection.ts";
import type { InspectionResult } from "../../../runtime/pipeline/result.ts";
import {
  match,
  type Score,
  type Scored,
  scoreTable,
  type Truth,
} from "../../../toolchain/quantize/score/detections.ts";
import { parseBoxes } from "../../../toolchain/quantize/score/labels.ts";
import { IOU_MIN, LABELS } from "./labels.ts";

interface Which {
  model?: string | undefined;
  /** Left out: the best for this machine. */
  variant?: string | undefined;
}

export async function evaluate(folder: string, which: Which = {}): Promise<Record<string, Score>> {
  const names = (await readdir(join(folder, "images"))).sort();
  const results = await infer(
    which,
    names.map((name) => join(folder, "images", name)),
  );
  const scored: Scored[] = [];
  const truths: Truth[] = [];
  for (const result of results) {
    const name = basename(result.frame.origin ?? "", ".jpg");
    const wanted = parseBoxes(await readFile(join(folder, "labels", `${name}.txt`), "utf8"), LABELS);
    const found = result.detections.map((d) => ({ ...d, box: d.box_px as unknown as Box }));
    truths.push(...wanted);
    scored.push(...match(found, wanted, IOU_MIN));
  }
  return scoreTable(LABELS, scored, truths);
}

async function infer(
  { model = "pcb-aoi", variant }: Which,
  files: readonly string[],
): Promise<InspectionResult[]> {
  const results: InspectionResult[] = [];
  const out = (line: string) => results.push(JSON.parse(line) as InspectionResult);
  const chosen = variant === undefined ? [] : ["--variant", variant];
  const args = ["infer", "--model", model, ...chosen, "--min-score", "0.02", "--json", ...files];
  await main(args, { out, err: console.error, cwd: process.cwd(), env: {}, isTty: false });
  return results;
}

if (import.meta.main) {
  const [folder, model, variant] = process.argv.slice(2);
  if (!folder) throw new Error("usage: node models/zoo/pcb-aoi/evaluate.ts DIR [BUNDLE [VARIANT]]");
  console.log("class        defects      AP  best F  at score");
  for (const [name, { ap, f, threshold, truths }] of Object.entries(
    await evaluate(folder, { model, variant }),
  )) {
    const figures = [ap, f, threshold].map((v) => v.toFixed(4).padStart(7)).join(" ");
    console.log(
      `${(name === "all" ? "all (mean AP)" : name).padEnd(13)} ${String(truths).padStart(6)} ${figures}`,
    );
  }
}
