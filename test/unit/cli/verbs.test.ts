import { chmod, chown, mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Verb } from "../../../cli/verb.ts";
import { check } from "../../../cli/verbs/check.ts";
import { config } from "../../../cli/verbs/config.ts";
import { init } from "../../../cli/verbs/init.ts";
import { jsonSchema } from "../../../config/json-schema.ts";
import { backbone, head, writeBundle } from "../../support/small-bundles.ts";
import { VALID } from "../config/valid.ts";
import { recordingContext } from "./recording-context.ts";

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), "sightline-cli-"));
  await writeFile(join(folder, "good.yaml"), VALID);
  await writeFile(join(folder, "bad.yaml"), `${VALID}log: {level: loud, colour: red}\n`);
});
afterEach(() => rm(folder, { recursive: true }));

async function run(verb: Verb, ...args: string[]) {
  const { context, outLines, errLines } = recordingContext(folder, { PW: "s3cret" });
  const code = await verb.run(args, context);
  expect(errLines).toEqual([]);
  return { code, lines: outLines };
}

const refused = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

describe("check", () => {
  it("counts what a valid file holds", async () => {
    expect(await run(check, "good.yaml")).toEqual({
      code: 0,
      lines: ["good.yaml is valid: 1 camera, 1 model, 1 pipeline"],
    });
  });

  it("lists problems, then their number", async () => {
    expect(await run(check, "bad.yaml")).toEqual({
      code: 1,
      lines: [
        'bad.yaml:13:14: log.level: must be "debug", "info", "warn" or "error", not the text "loud"',
        'bad.yaml:13:20: log.colour: unknown key "colour", known here: level',
        "2 problems",
      ],
    });
  });

  it("refuses models that cannot be in memory at once, with the numbers and the place", async () => {
    const seeds = { one: 1, two: 2, big: 3 };
    for (const [name, seed] of Object.entries(seeds)) {
      await writeBundle(join(folder, name), "1.0.0", [backbone(seed), head(seed + 7)]);
    }
    const models = `models:
  one: {bundle: one, stream: never, pin: true}
  two: {bundle: two, stream: never}
  big: {bundle: big}
  gone: {bundle: nowhere, stream: never}
cameras:
  top: {source: replay, path: images}
pipelines:
  first: {camera: top, model: two}
  second: {camera: top, model: big}
  third: {camera: top, model: gone}
`;
    const file = (budget: string) =>
      `version: 1\ndevice: {id: a}\nengine: {model_budget: ${budget}}\n${models}`;
    await writeFile(join(folder, "fits.yaml"), file("6MB"));
    await writeFile(join(folder, "tight.yaml"), file("4MB"));
    await writeFile(join(folder, "tiny.yaml"), file("1MiB"));
    expect((await run(check, "fits.yaml")).lines).toEqual([
      "fits.yaml is valid: 1 camera, 4 models, 3 pipelines",
    ]);
    const tight = await run(check, "tight.yaml");
    expect(tight.code).toBe(1);
    expect(tight.lines).toEqual([
      expect.stringMatching(
        /^tight\.yaml:12:\d+: pipelines\.first: one and two together need at least [\d.]+ MiB, engine\.model_budget is [\d.]+ MiB, raise/,
      ),
      "1 problem",
    ]);
    const tiny = await run(check, "tiny.yaml");
    expect(tiny.lines[0]).toMatch(/^tiny\.yaml:3:\d+: engine\.model_budget: one needs at least/);
    expect(tiny.lines).toHaveLength(5);
  });

  it.each(["-f", "--format"])("%s json gives one object", async (flag) => {
    const good = await run(check, "good.yaml", flag, "json");
    const counts = { cameras: 1, models: 1, pipelines: 1 };
    expect(good.lines.map((line) => JSON.parse(line))).toEqual([
      { file: "good.yaml", valid: true, ...counts, problems: [] },
    ]);
    const bad = await run(check, "bad.yaml", flag, "json");
    expect(bad.code).toBe(1);
    expect(JSON.parse(bad.lines.join())).toMatchObject({
      valid: false,
      problems: [
        { file: "bad.yaml", line: 13, column: 14, path: "log.level" },
        { file: "bad.yaml", line: 13, column: 20, path: "log.colour", message: 'unknown key "colour"' },
      ],
    });
  });

  it.each([
    [[], "check: FILE is missing"],
    [["a", "b"], 'check: unexpected argument "b"'],
    [["a", "-f", "xml"], 'check: "xml" is not a format'],
    [["a", "-f", "toString"], 'check: "toString" is not a format'],
    [["a", "--strict"], "check: Unknown option '--strict'"],
  ])("%j is not understood", async (args, message) => {
    await expect(run(check, ...args)).rejects.toEqual(refused("ERR_USAGE", message));
  });

  it("says when there is no file", async () => {
    await expect(run(check, "absent.yaml")).rejects.toEqual(refused("ERR_CONFIG_READ", "ENOENT"));
  });
});

describe("init", () => {
  it("writes a file that is valid as it is", async () => {
    expect(await run(init)).toEqual({
      code: 0,
      lines: ["Wrote sightline.yaml. Next: sightline check sightline.yaml"],
    });
    const { lines } = await run(check, "sightline.yaml");
    expect(lines).toEqual(["sightline.yaml is valid: 1 camera, 1 model, 1 pipeline"]);
  });

  it("takes a bundle and images of your own", async () => {
    await run(init, "own.yaml", "--bundle", "my model", "--images", "shots");
    const { lines } = await run(config, "show", "--effective", "own.yaml");
    expect(lines.join()).toContain(`bundle: ${join(folder, "my model")}\n`);
    expect(lines.join()).toContain(`path: ${join(folder, "shots")}\n`);
  });

  it("replaces a file only when forced", async () => {
    await expect(run(init, "good.yaml")).rejects.toEqual(refused("ERR_CONFIG_WRITE", "EEXIST"));
    expect(await readFile(join(folder, "good.yaml"), "utf8")).toBe(VALID);
    await run(init, "good.yaml", "--force");
    expect(await readFile(join(folder, "good.yaml"), "utf8")).toContain("# Sightline configuration");
  });

  it("says when the folder is not there", async () => {
    await expect(run(init, "absent/a.yaml")).rejects.toEqual(refused("ERR_CONFIG_WRITE", "ENOENT"));
  });

  it.each([[["a", "b"]], [["--frce"]]])("%j is not understood", async (args) => {
    await expect(run(init, ...args)).rejects.toEqual(refused("ERR_USAGE", "init: "));
  });
});

describe("config", () => {
  it("prints the schema", async () => {
    expect(JSON.parse((await run(config, "schema")).lines.join())).toEqual(jsonSchema);
  });

  it("shows what is in effect, secrets masked", async () => {
    await writeFile(join(folder, "secret.yaml"), `${VALID}mqtt: {username: u, password: "\${env:PW}"}\n`);
    const { lines } = await run(config, "show", "--effective", "secret.yaml");
    expect(lines.join()).toContain("password: •••");
    expect(lines.join()).toContain("keepalive: 30s");
    expect(lines.join()).not.toContain("s3cret");
  });

  it("throws what is wrong with the file", async () => {
    await expect(run(config, "show", "--effective", "bad.yaml")).rejects.toEqual(
      refused("ERR_CONFIG_INVALID", "log.colour"),
    );
  });

  it.each([
    [],
    ["shw"],
    ["toString"],
    ["show", "good.yaml"],
    ["show", "--effective"],
    ["schema", "x"],
    ["schema", "-x"],
  ])("%s %s is not understood", async (...args) => {
    await expect(run(config, ...args)).rejects.toEqual(refused("ERR_USAGE", "config: "));
  });
});

describe("config migrate", () => {
  const OLD = VALID.replace(
    /model: (\w+)/,
    "stages:   # two\n      - {stage: detect, model: $1}\n      - stage:  own    # ours\n        path: ./mine.ts",
  );

  it("writes the names of today, keeps the file beside it, and changes nothing else", async () => {
    const file = join(folder, "old.yaml");
    await writeFile(file, OLD);
    const line = OLD.split("\n").findIndex((each) => each.includes("stage:  own")) + 1;
    const change = `old.yaml:${line}: stage: own -> custom`;
    expect(await run(config, "migrate", "old.yaml", "--dry-run")).toEqual({
      code: 0,
      lines: [change, "nothing was written"],
    });
    expect(await readFile(file, "utf8")).toBe(OLD);
    const { lines } = await run(config, "migrate", "old.yaml");
    expect(lines).toEqual([change, expect.stringMatching(/^written; the file as it was: .*old\.yaml\.bak$/)]);
    expect(await readFile(`${file}.bak`, "utf8")).toBe(OLD);
    expect(await readFile(file, "utf8")).toBe(OLD.replace("stage:  own ", "stage:  custom "));
    expect((await run(config, "migrate", "old.yaml")).lines).toEqual(["old.yaml is up to date"]);
  });

  it("keeps owner and permissions, of the backup as well", async () => {
    const file = join(folder, "shared.yaml");
    await writeFile(file, OLD);
    await chmod(file, 0o640);
    // Root may give it to another group; whoever is not root has only their own.
    const gid = process.getuid?.() === 0 ? 65_534 : (process.getgid?.() ?? 0);
    await chown(file, process.getuid?.() ?? 0, gid);
    await run(config, "migrate", "shared.yaml");
    for (const each of [file, `${file}.bak`]) {
      const found = await stat(each);
      expect([found.gid, found.mode & 0o777]).toEqual([gid, 0o640]);
    }
  });

  it("refuses what is not there or is not YAML", async () => {
    await writeFile(join(folder, "torn.yaml"), "a: [1");
    await expect(run(config, "migrate", "torn.yaml")).rejects.toEqual(
      refused("ERR_CONFIG_READ", "is not YAML"),
    );
    await expect(run(config, "migrate", "gone.yaml")).rejects.toEqual(
      refused("ERR_CONFIG_READ", "gone.yaml"),
    );
  });
});
