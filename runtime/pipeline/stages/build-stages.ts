import type { Clock } from "../../base/clock.ts";
import { SightlineError } from "../../base/errors.ts";
import type { Kernels } from "../../native/index.ts";
import type { Scale } from "../decide.ts";
import { type ClassifyOptions, classifyStage } from "./classify.ts";
import { type CustomOptions, customStage } from "./custom.ts";
import { type DetectOptions, detectStage } from "./detect.ts";
import { type HysteresisOptions, hysteresisStage } from "./hysteresis.ts";
import { type MeasureOptions, measureStage } from "./measure.ts";
import { type RectifyOptions, rectifyStage } from "./rectify.ts";
import { type RegionOptions, regionStage } from "./region.ts";
import { type RulesOptions, rulesStage } from "./rules.ts";
import type { Stage } from "./stage.ts";
import { type TrackOptions, TrackStage } from "./track.ts";
import { type WindowOptions, windowStage } from "./window.ts";

/** A stage as the configuration has it. */
export type StageSpec =
  | ({ stage: "region" } & RegionOptions)
  | ({ stage: "rectify" } & RectifyOptions)
  | ({ stage: "detect"; model: string } & Partial<DetectOptions>)
  | ({ stage: "classify"; model: string } & ClassifyOptions)
  | ({ stage: "track" } & TrackOptions)
  | ({ stage: "rules" } & RulesOptions)
  | ({ stage: "measure" } & MeasureOptions)
  | ({ stage: "window" } & WindowOptions)
  | ({ stage: "hysteresis" } & HysteresisOptions)
  | ({ stage: "custom" } & CustomOptions);

export interface StageContext {
  kernels: Kernels;
  clock: Clock;
  /** Runs of one frame at a time, where a stage makes several. */
  runsPerFrame: number;
  scale: Scale;
  /** Of detect stages that say none. */
  minScore: number;
  /** Where stages of the user's are. */
  folder: string | undefined;
}

/** A pipeline's stages, ready to run. Errors: ERR_STAGE_LOAD. */
export async function buildStages(specs: readonly StageSpec[], context: StageContext): Promise<Stage[]> {
  const stages = await Promise.all(specs.map((spec) => build(spec, context)));
  const judging = stages.findIndex(({ kind }) => kind === "judging");
  const late = stages.findIndex(({ kind }, i) => kind === "looking" && judging >= 0 && i > judging);
  if (late < 0) return stages;
  const message = `stage ${late + 1} looks at pictures but comes after stage ${judging + 1}, which judges`;
  throw new SightlineError("ERR_STAGE_LOAD", message, {
    hint: "Put the stages that look at pictures first.",
  });
}

function build(spec: StageSpec, context: StageContext): Stage | Promise<Stage> {
  const { clock, runsPerFrame, scale } = context;
  switch (spec.stage) {
    case "region":
      return regionStage(spec);
    case "rectify":
      return rectifyStage(context, spec);
    case "detect": {
      const { min_score = context.minScore, tile } = spec;
      return detectStage(
        { modelOf: ({ models }) => models.of(spec.model), runsPerFrame, clock },
        { min_score, tile },
      );
    }
    case "classify":
      return classifyStage(
        { modelOf: ({ models }) => models.of(spec.model), name: spec.model, runsPerFrame, clock },
        spec,
      );
    case "track":
      return new TrackStage(spec);
    case "rules":
      return rulesStage(spec, scale);
    case "measure":
      return measureStage(spec, scale);
    case "window":
      return windowStage(spec);
    case "hysteresis":
      return hysteresisStage(spec);
    case "custom":
      if (context.folder !== undefined) return customStage(spec, context.folder, scale);
      throw new SightlineError("ERR_STAGE_LOAD", `"${spec.name}": stages_folder is missing`);
  }
}
