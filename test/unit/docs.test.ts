import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parse, stringify } from "yaml";
import { checkText } from "../../config/load.ts";
import { isRecord } from "../../runtime/base/json-schema.ts";
import { VALID } from "./config/valid.ts";

const ROOT = join(import.meta.dirname, "../..");
const pages = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith(".md"),
);
/** What examples take from the environment. */
const env = { MQTT_PASSWORD: "secret", HTTP_TOKEN: "token", CAMERA_PASSWORD: "secret" };

/** Every YAML example, with the line on which it begins. */
const examples = pages.flatMap((page) => {
  const text = readFileSync(join(ROOT, page), "utf8");
  return [...text.matchAll(/^```yaml\n([\s\S]*?)^```$/gm)].map((match) => {
    const line = text.slice(0, match.index).split("\n").length;
    return [`${page}:${line}`, match[1] ?? ""] as const;
  });
});

describe("examples of configurations are valid", () => {
  test("there are some", () => expect(examples.length).toBeGreaterThan(20));

  test.each(examples)("%s", (_, text) => {
    const value: unknown = parse(text);
    const whole = isRecord(value) && "version" in value ? text : stringify(completed(value));
    const { problems } = checkText(whole, { file: "/example.yaml", env });
    // Files that an example reads are the reader's.
    expect(problems.filter(({ message }) => !message.includes("cannot read the file"))).toEqual([]);
  });
});

/** Those that examples name. */
const ZONES = {
  rim: {
    points: [
      [0, 0],
      [9, 0],
      [9, 9],
    ],
  },
};

/** A fragment in the place that it has in a file: what it leaves out, because the text around it says so, is filled in. */
function completed(fragment: unknown): Record<string, unknown> {
  const base = parse(VALID) as Record<string, Record<string, unknown>>;
  // A list is that of a pipeline's stages, or those from one of them on.
  const whole = Array.isArray(fragment)
    ? { pipelines: { board: { stages: fragment } } }
    : (fragment as object);
  const file: Record<string, unknown> = { ...base };
  for (const [key, value] of Object.entries(whole)) {
    file[key] = isRecord(value) && isRecord(base[key]) ? { ...base[key], ...value } : value;
  }
  file.pipelines = mapped(file.pipelines, (pipeline) => ({
    camera: "top",
    zones: ZONES,
    ...pipeline,
    ...stagesOf(pipeline),
  }));
  const named = [...JSON.stringify(file).matchAll(/"model":"([^"]+)"/g)].map(([, name]) => name ?? "");
  file.models = {
    ...Object.fromEntries(named.map((name) => [name, { bundle: name }])),
    ...(file.models as object),
  };
  if (JSON.stringify(file).includes('"custom"')) file.stages_folder ??= "stages";
  return file;
}

function stagesOf({ model, stages }: Record<string, unknown>): object {
  if (!Array.isArray(stages)) return model === undefined ? { model: "pcb" } : {};
  const looks = stages.some(({ stage }: { stage: string }) => ["detect", "classify"].includes(stage));
  const decides = stages.some(({ stage }: { stage: string }) => ["rules", "custom"].includes(stage));
  return {
    stages: [
      ...(looks ? [] : [{ stage: "detect", model: "pcb" }]),
      ...stages,
      ...(decides ? [] : [{ stage: "rules", rules: [{ verdict: "fail" }] }]),
    ],
  };
}

const mapped = (value: unknown, change: (entry: Record<string, unknown>) => object): object =>
  Object.fromEntries(
    Object.entries(value as Record<string, Record<string, unknown>>).map(([key, entry]) => [
      key,
      change(entry),
    ]),
  );
