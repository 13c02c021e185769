import { readdirSync, readFileSync } from "node:fs";
import { cp } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { jsonSchema } from "../../config/json-schema.ts";
import { checkConfig } from "../../config/load.ts";
import { systemClock } from "../../runtime/base/clock.ts";
import type { JsonSchema } from "../../runtime/base/json-schema.ts";
import { silentLogger } from "../../runtime/base/logger.ts";
import { Outbox } from "../../services/outbox/outbox.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** What each release wrote and accepted: every later one has to open it. */
const FOLDER = join(import.meta.dirname, "../fixtures/releases");

describe.each(readdirSync(FOLDER))("release %s", (release) => {
  const fixture = (file: string): string => join(FOLDER, release, file);

  test("its keys are all there, and take what they took", () => {
    const old = JSON.parse(readFileSync(fixture("config.schema.json"), "utf8")) as JsonSchema;
    expect(taken(old, jsonSchema, "")).toEqual([]);
  });

  test("its configuration is valid", () => {
    const { problems } = checkConfig(fixture("sightline.yaml"), { env: {} });
    expect(problems).toEqual([]);
  });

  test("its results are read and counted on", async () => {
    const path = await tempFolder();
    await cp(fixture("results.db"), join(path, "results.db"));
    const outbox = new Outbox({ logger: silentLogger, clock: systemClock }, { path, maxBytes: 2 ** 26 });
    await outbox.start();
    onTestFinished(() => outbox.stop());
    const rows = await outbox.read("mqtt", 100);
    expect(rows.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6]);
    const next = { pipeline: "board", id: "next", verdict: "pass", defects: {}, payload: {} } as const;
    await outbox.append(next);
    expect((await outbox.read("mqtt", 100)).at(-1)).toMatchObject({ seq: 7, id: "next" });
    expect((await outbox.stats()).recovered).toBeUndefined();
  });
});

test("a key that goes, a value that is no longer taken, and a new key that has to be there are seen", () => {
  const old: JsonSchema = {
    type: "object",
    properties: { a: { enum: ["x", "y"] }, b: { type: "object", properties: { c: {} } }, d: { maximum: 5 } },
  };
  const next: JsonSchema = {
    type: "object",
    required: ["e"],
    properties: { a: { enum: ["x"] }, b: { type: "object", properties: {} }, d: { maximum: 4 }, e: {} },
  };
  expect(taken(old, next, "")).toEqual([
    ".e has to be there",
    ".a no longer takes y",
    ".b.c is gone",
    ".d: maximum was 5",
  ]);
  expect(taken(old, old, "")).toEqual([]);
});

const LIMITS = ["minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "pattern"] as const;

/** What `next` no longer accepts of what `old` did, by path. */
function taken(old: JsonSchema, next: JsonSchema, path: string): string[] {
  const required = (next.required ?? []).filter((key) => !(old.required ?? []).includes(key));
  const values = (schema: JsonSchema) =>
    (schema.enum ?? ("const" in schema ? [schema.const] : [])) as unknown[];
  const gone = values(next).length === 0 ? [] : values(old).filter((value) => !values(next).includes(value));
  const limits = LIMITS.filter(
    (key) => limitOf(old, key) !== limitOf(next, key) && isStricter(old, next, key),
  );
  return [
    ...required.map((key) => `${path}.${key} has to be there`),
    ...gone.map((value) => `${path} no longer takes ${String(value)}`),
    ...limits.map((key) => `${path}: ${key} was ${String(limitOf(old, key))}`),
    ...Object.entries(old.properties ?? {}).flatMap(([key, below]) => {
      const now = next.properties?.[key];
      return now ? taken(below, now, `${path}.${key}`) : [`${path}.${key} is gone`];
    }),
    ...below(old, next).flatMap(([before, now, name]) => taken(before, now, `${path}.${name}`)),
  ];
}

const limitOf = (schema: JsonSchema, key: (typeof LIMITS)[number]): unknown =>
  (schema as Record<string, unknown>)[key];

function isStricter(old: JsonSchema, next: JsonSchema, key: (typeof LIMITS)[number]): boolean {
  const [before, now] = [limitOf(old, key), limitOf(next, key)];
  if (now === undefined) return false;
  if (before === undefined || typeof before !== "number" || typeof now !== "number") return true;
  return key.startsWith("min") ? now > before : now < before;
}

/** Schemas of items, of the values of maps, and of alternatives: these are told apart by what tells them apart in the file. */
function below(old: JsonSchema, next: JsonSchema): [JsonSchema, JsonSchema, string][] {
  const pairs: [JsonSchema, JsonSchema, string][] = [];
  if (typeof old.items === "object" && typeof next.items === "object")
    pairs.push([old.items, next.items, "*"]);
  const [a, b] = [old.additionalProperties, next.additionalProperties];
  if (typeof a === "object" && typeof b === "object") pairs.push([a, b, "*"]);
  for (const alternative of old.oneOf ?? []) {
    const same = (next.oneOf ?? []).find((each) => kindOf(each) === kindOf(alternative));
    pairs.push([alternative, same ?? { properties: {} }, kindOf(alternative)]);
  }
  return pairs;
}

const kindOf = ({ properties = {} }: JsonSchema): string =>
  ["source", "stage", "preset"]
    .map((key) => (properties[key] as { const?: string } | undefined)?.const ?? "")
    .join("/");
