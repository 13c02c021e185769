import { child, isRecord, type Path } from "../../runtime/base/json-schema.ts";

/** Where the file uses old names, which are still accepted. */
export function oldNames(value: unknown): { path: Path; message: string; hint: string }[] {
  const pipelines = child(value, "pipelines");
  return Object.entries(isRecord(pipelines) ? pipelines : {}).flatMap(([name, pipeline]) => {
    const stages = child(pipeline, "stages");
    return (Array.isArray(stages) ? stages : []).flatMap((stage: unknown, i) => {
      if (child(stage, "stage") !== "own") return [];
      const path = ["pipelines", name, "stages", i, "stage"];
      return [{ path, message: '"own" is now called "custom"', hint: "write stage: custom" }];
    });
  });
}
