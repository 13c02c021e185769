import { access } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { SightlineError } from "../../base/errors.ts";
import type { Scale, Verdict } from "../decide.ts";
import type { Judged } from "../judged.ts";
import type { Scene } from "../scene.ts";
import type { JudgingStage, LookingStage, Stage } from "./stage.ts";

/** What a file of `stages_folder` exports as its default. It throws when `options` are not what it needs. */
export type StageFactory = (
  options: Readonly<Record<string, unknown>>,
  scale: Scale,
) => Stage | Promise<Stage>;

export interface CustomOptions {
  name: string;
  options: Readonly<Record<string, unknown>>;
}

const VERDICTS: readonly Verdict[] = ["pass", "fail", "review", "error"];

/** Loads a stage of the user's from its file. Errors: ERR_STAGE_LOAD with the file. */
export async function customStage(
  { name, options }: CustomOptions,
  folder: string,
  scale: Scale,
): Promise<Stage> {
  const file = await fileOf(folder, name);
  const wrong = (message: string) => new SightlineError("ERR_STAGE_LOAD", `${file}: ${message}`);
  try {
    const { default: make } = (await import(pathToFileURL(file).href)) as { default?: unknown };
    if (typeof make !== "function") throw wrong("has no function as its default export");
    const stage: unknown = await (make as StageFactory)(options, scale);
    if (isLooking(stage)) return guardLooking(file, stage);
    if (isJudging(stage)) return guardJudging(file, stage);
    throw wrong('must make { kind: "looking", look } or { kind: "judging", judge }');
  } catch (error) {
    throw SightlineError.wrap("ERR_STAGE_LOAD", error, file);
  }
}

const isLooking = (made: unknown): made is LookingStage =>
  child(made, "kind") === "looking" && typeof child(made, "look") === "function";

const isJudging = (made: unknown): made is JudgingStage =>
  child(made, "kind") === "judging" && typeof child(made, "judge") === "function";

/** Also what a class gives its objects. */
const child = (made: unknown, key: string): unknown =>
  typeof made === "object" && made !== null ? Reflect.get(made, key) : undefined;

async function fileOf(folder: string, name: string): Promise<string> {
  for (const ending of ["ts", "js"]) {
    const file = join(folder, `${name}.${ending}`);
    const isThere = await access(file).then(
      () => true,
      () => false,
    );
    if (isThere) return file;
  }
  const hint = "Check `stages_folder` and the stage's name.";
  throw new SightlineError("ERR_STAGE_LOAD", `${join(folder, name)}.ts (or .js) is not there`, { hint });
}

function guardLooking(file: string, stage: LookingStage): LookingStage {
  return {
    kind: "looking",
    needsPixels: stage.needsPixels !== false,
    waits: true,
    async look(scene) {
      const seen = await named(file, () => stage.look(scene));
      if (Array.isArray((seen as Scene | undefined)?.detections) && seen.view) return seen;
      throw new SightlineError(
        "ERR_STAGE_RUN",
        `${file}: look must return a scene with detections and a view`,
      );
    },
    close: async () => stage.close?.(),
  };
}

function guardJudging(file: string, stage: JudgingStage): JudgingStage {
  const judge = (judged: Judged) => {
    const made = stage.judge(judged);
    if (Array.isArray(made) && made.every(isJudged)) return made;
    throw new Error("judge must return a list of its inputs, each with a verdict");
  };
  return {
    kind: "judging",
    judge: (judged) => {
      try {
        return judge(judged);
      } catch (error) {
        throw SightlineError.wrap("ERR_STAGE_RUN", error, file);
      }
    },
    missed: (judged) => stage.missed?.(judged),
  };
}

const isJudged = (made: Partial<Judged> | undefined): boolean =>
  made?.verdict !== undefined && VERDICTS.includes(made.verdict) && Array.isArray(made.detections);

async function named<T>(file: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    throw SightlineError.wrap("ERR_STAGE_RUN", error, file);
  }
}
