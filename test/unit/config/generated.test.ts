import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { exampleConfig } from "../../../config/example.ts";
import { generated } from "../../../config/generate.ts";
import { jsonSchema } from "../../../config/json-schema.ts";
import { checkText } from "../../../config/load.ts";
import type { JsonSchema } from "../../../runtime/base/json-schema.ts";

const committed = (path: string): string =>
  readFileSync(new URL(`../../../${path}`, import.meta.url), "utf8");

describe("what is made from the schema (if unequal, run: node config/generate.ts)", () => {
  it.each(Object.entries(generated()))("%s", (path, text) => {
    expect(committed(path)).toBe(text);
  });
});

describe("the schema", () => {
  const entries = (schema: JsonSchema, path: string): [string, JsonSchema][] => [
    ...Object.entries(schema.properties ?? {}).flatMap(([key, below]): [string, JsonSchema][] => [
      [`${path}.${key}`, below],
      ...entries(below, `${path}.${key}`),
    ]),
    ...[...(schema.oneOf ?? []), schema.items, schema.additionalProperties].flatMap((below) =>
      typeof below === "object" ? entries(below, `${path}.*`) : [],
    ),
  ];

  it("describes every key and refuses every other", () => {
    const all = entries(jsonSchema, "");
    expect(all.length).toBeGreaterThan(50);
    expect(all.filter(([, { description }]) => !description?.endsWith(".")).map(([path]) => path)).toEqual(
      [],
    );
    const maps = [jsonSchema, ...all.map(([, schema]) => schema)].filter(({ type }) => type === "object");
    expect(maps.filter(({ additionalProperties }) => additionalProperties === undefined)).toEqual([]);
  });
});

describe("the example", () => {
  it("is valid as it is, on one page", () => {
    const text = exampleConfig({
      bundle: "models/pcb",
      images: "images",
      schemaUrl: "file:///s/c.schema.json",
    });
    const { config, problems } = checkText(text, { file: "/etc/sightline/sightline.yaml", env: {} });
    expect(problems).toEqual([]);
    expect(config?.models.pcb?.bundle).toBe("/etc/sightline/models/pcb");
    expect(text.split("\n").length).toBeLessThan(60);
  });

  it("takes folders with any name", () => {
    const bundle = '/a "b"/${x}\\#: é';
    const text = exampleConfig({ bundle, images: "/i", schemaUrl: "file:///a%20b/c.json" });
    expect(checkText(text, { file: "/c.yaml", env: {} }).config?.models.pcb?.bundle).toBe(bundle);
    expect(text).toContain("$schema=file:///a%20b/c.json\n");
  });
});
