import { child, isRecord, type Path } from "../../runtime/base/json-schema.ts";

/** Where the file uses names of before, which are still understood. */
export function oldNames(value: unknown): { path: Path; message: string; hint: string }[] {
  const pipelines = child(value, "pipelines");
  return Object.entries(isRecord(pipelines) ? pipelines : {}).flatMap(([name, pipeline]) => {
    const stages = child(pipeline, "stages");
    return (Array.isArray(stages) ? stages : []).flatMap((stage: unknown, i) => {
      if (child(stage, "stage") !== "own") return [];
      const path = ["pipelines", name, "stages", i, "stage"];
      return [{ path, message: "is called custom now", hint: "write stage: custom" }];
    });
  });
}
