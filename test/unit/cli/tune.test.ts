import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { main } from "../../../cli/commands.ts";
import { chooseTrial } from "../../../cli/tune/choose.ts";
import type { TrialResult } from "../../../cli/tune/measure.ts";
import { coreDivisions } from "../../../cli/tune/trial.ts";
import { changeConfig } from "../../../config/change.ts";
import { loadConfig } from "../../../config/load.ts";
import { backbone, head, writeBundle } from "../../support/small-bundles.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { recordingContext } from "./recording-context.ts";

const measured = (batch: number, perSecond: number, p95Ms: number): TrialResult => ({
  trial: { variant: "one", instances: 2, threads: 1, batch },
  ...{ perSecond, p50Ms: p95Ms, p95Ms },
});

test("cores are divided evenly, or by the threads that are given", () => {
  expect(coreDivisions(4)).toEqual([
    { instances: 1, threads: 4 },
    { instances: 2, threads: 2 },
    { instances: 4, threads: 1 },
  ]);
  expect(coreDivisions(1)).toEqual([{ instances: 1, threads: 1 }]);
  expect(coreDivisions(4, 3)).toEqual([{ instances: 1, threads: 3 }]);
  expect(coreDivisions(2, 4)).toEqual([{ instances: 1, threads: 4 }]);
});

test("the highest throughput wins among the trials that can answer in time; of those nearly equal the quickest", () => {
  const [one, two, eight] = [measured(1, 98, 10), measured(2, 100, 20), measured(8, 140, 60)];
  expect(chooseTrial([one, two, eight], 200)).toBe(eight);
  expect(chooseTrial([one, two, eight], 100)).toBe(one);
  expect(chooseTrial([one, two, eight], 19)).toBeUndefined();
});

const CONFIG = `# the line in hall 3
version: 1
device: {id: tester}   # as on the label
mqtt: {url: "mqtt://\${env:BROKER}"}
models:
  boards:              # from the zoo
    bundle: ./boards
    max_batch: 8       # a guess
cameras: {}
pipelines: {}
`;
const env = { BROKER: "127.0.0.1" };

test("values are written into a configuration, whose comments and other values stay", async () => {
  const file = `${await tempFolder()}/sightline.yaml`;
  await writeFile(file, CONFIG, { mode: 0o640 });
  const before = loadConfig(file, { env });
  const path = ["models", "boards", "max_batch"];
  changeConfig(
    file,
    [
      { path, value: 2 },
      { path: ["engine", "slots"], value: 1 },
    ],
    { env },
  );
  const text = await readFile(file, "utf8");
  for (const comment of CONFIG.match(/#.*/g) ?? []) expect(text).toContain(comment);
  expect(text).toContain("${env:BROKER}");
  const after = loadConfig(file, { env });
  expect(after).toEqual({
    ...before,
    engine: { ...before.engine, slots: 1 },
    models: { boards: { ...before.models.boards, max_batch: 2 } },
  });
});

test("a value that is not valid changes nothing, and leaves nothing behind", async () => {
  const folder = await tempFolder();
  const file = `${folder}/sightline.yaml`;
  await writeFile(file, CONFIG);
  const change = () => changeConfig(file, [{ path: ["models", "boards", "max_batch"], value: 0 }], { env });
  expect(change).toThrow(expect.objectContaining({ code: "ERR_CONFIG_WRITE" }));
  expect(await readFile(file, "utf8")).toBe(CONFIG);
  expect(await readdir(folder)).toEqual(["sightline.yaml"]);
});

test("tune measures every trial, shows the best and writes its settings; --dry-run only shows them", async () => {
  const folder = await tempFolder();
  await mkdir(`${folder}/site`);
  const file = `${folder}/site/sightline.yaml`;
  await writeBundle(`${folder}/site/boards`, "1.0.0", [backbone(1), head(2)]);
  await writeFile(file, CONFIG);
  const args = ["tune", "--config", file, "--model", "boards", "--slo", "10s"];
  const dry = recordingContext(folder, env);
  expect(await main([...args, "--dry-run"], dry.context)).toBe(0);
  expect(await readFile(file, "utf8")).toBe(CONFIG);
  const { context, outLines } = recordingContext(folder, env);
  expect(await main(args, context)).toBe(0);
  // In two stages it takes frame by frame.
  expect(outLines.join("\n")).toMatch(/fp32 +\d+ × \d+ +1 .*█ best/);
  const { engine, models } = loadConfig(file, { env });
  expect(models.boards?.max_batch).toBe(1);
  expect(models.boards?.instances).toBe(engine.slots);
  expect(outLines.join("\n")).toContain(`engine.threads_per_slot: ${engine.threads_per_slot}`);
  const late = recordingContext(folder, env);
  expect(await main([...args.slice(0, -1), "1ms", "--dry-run"], late.context)).toBe(1);
  expect(late.errLines.join("\n")).toMatch(/ERR_DEADLINE.*1 ms\n.*needs \d+ ms/);
});
