import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { escapeSubstitution, substitute } from "../../../config/substitute.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sightline-substitute-"));
  await writeFile(join(folder, "secret"), "s3cret\n");
  await writeFile(join(folder, "crlf"), "a\r\nb\r\n");
  await writeFile(join(folder, "nested"), "${env:NAME}");
  await writeFile(join(folder, "large"), "x".repeat(65_537));
  await mkdir(join(folder, "folder"));
});
afterAll(() => rm(folder, { recursive: true }));

const env = { NAME: "value", EMPTY: "" };

describe("substitute", () => {
  it.each([
    ["plain", "plain"],
    ["${env:NAME}", "value"],
    ["<${env:NAME}|${env:NAME}>", "<value|value>"],
    ["${env:ABSENT:-other}", "other"],
    ["${env:ABSENT:-}", ""],
    ["${env:EMPTY:-other}", "other"],
    ["${env:EMPTY}", ""],
    ["${env:NAME:-other}", "value"],
    ["${file:secret}", "s3cret"],
    ["${file:./crlf}", "a\r\nb"],
    ["${file:nested}", "${env:NAME}"],
    ["$${env:NAME}", "${env:NAME}"],
    ["$$$${env:NAME}", "$$${env:NAME}"],
    ["$NAME and $ and }", "$NAME and $ and }"],
  ])("%s becomes %s", (text, expected) => {
    expect(substitute(text, { env, folder })).toEqual({ value: expected, problems: [] });
  });

  it.each([
    ["${env:ABSENT}", "the environment variable ABSENT is not set"],
    ["${env:toString}", "the environment variable toString is not set"],
    ["${env:}", "unknown substitution"],
    ["${env:A B}", "unknown substitution"],
    ["${NAME}", "unknown substitution"],
    ["${", "unknown substitution"],
    ["${env:NAME", "unknown substitution"],
    ["${file:absent}", "cannot read the file to substitute: ENOENT"],
    ["${file:folder}", "is not a regular file"],
    ["${file:/dev/zero}", "/dev/zero is not a regular file"],
    ["${file:large}", "large is larger than 64 KiB"],
  ])("%s is a problem", (text, message) => {
    const { problems } = substitute({ a: ["", text] }, { env, folder });
    expect(problems).toHaveLength(1);
    expect(problems[0]?.message).toContain(message);
    expect(problems[0]?.path).toEqual(["a", 1]);
  });

  it("touches only text values", () => {
    const value = { "${env:NAME}": 5, list: [null, true, "${env:NAME}"] };
    expect(substitute(value, { env, folder }).value).toEqual({
      "${env:NAME}": 5,
      list: [null, true, "value"],
    });
  });

  it.each(["${env:NAME}", "$${", "a$", "${"])("%s, escaped, comes back as it was", (text) => {
    expect(substitute(escapeSubstitution(text), { env, folder })).toEqual({ value: text, problems: [] });
  });
});
