import { child, isRecord, type Path } from "../../runtime/base/json-schema.ts";

/** An old name in a file, which is still accepted, and the one that took its place. */
export interface OldName {
  path: Path;
  old: string;
  value: string;
}

/** Where the file uses old names. */
export function oldNames(value: unknown): OldName[] {
  const pipelines = child(value, "pipelines");
  return Object.entries(isRecord(pipelines) ? pipelines : {}).flatMap(([name, pipeline]) => {
    const stages = child(pipeline, "stages");
    return (Array.isArray(stages) ? stages : []).flatMap((stage: unknown, i) => {
      if (child(stage, "stage") !== "own") return [];
      return [{ path: ["pipelines", name, "stages", i, "stage"], old: "own", value: "custom" }];
    });
  });
}
