import { readdirSync, truncateSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { ModelMemory, ModelStatus } from "../../runtime/loader/model-status.ts";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import { config, SAMPLES, SightlineProcess, sightline, writeConfig } from "../support/daemon-process.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { Subscriber } from "../support/subscriber.ts";
import { tempFolder } from "../support/temp-folder.ts";

const RESULT = "sightline/bench/pipeline/top/result";

async function running() {
  const broker = await Mosquitto.start();
  const subscriber = await Subscriber.connect(broker.port);
  const folder = await tempFolder();
  const cameras = { cam0: { source: "replay", path: SAMPLES, fps: 10 } };
  const file = await writeConfig(folder, config(broker.port, folder, { cameras }));
  const daemon = new SightlineProcess(["run", "--config", file]);
  const verdicts = () =>
    subscriber.on(RESULT).map(({ text }) => JSON.parse(text) as InspectionResult & { seq: number });
  const next = async (count: number) => {
    const wanted = verdicts().length + count;
    await subscriber.until(() => verdicts().length >= wanted);
  };
  const ask = (...args: string[]) =>
    sightline(...(args.length > 0 ? ["model", ...args] : ["ps"]), "--config", file, "--json");
  return { ask, daemon, file, folder, next, verdicts };
}

test("models of a running daemon are listed, given back and opened again, and no frame is lost", async () => {
  const { ask, daemon, file, next, verdicts } = await running();
  await next(3);
  const { memory, models } = JSON.parse((await ask()).stdout) as {
    models: ModelStatus[];
    memory: ModelMemory;
  };
  expect(models).toMatchObject([{ name: "pcb", state: "warm", loads: 1, last_error: null }]);
  expect(memory.resident_bytes).toBeGreaterThan(0);
  expect(memory.resident_bytes).toBeLessThan(memory.budget_bytes);
  const present = await sightline("ps", "--config", file);
  expect(present.stdout).toMatch(/^ {2}pcb +warm .*B +1 +0$/m);
  expect(present.stdout).toMatch(/^ {2}cam0 +online +\d+ +\d+ +0$/m);
  const old = await sightline("models", "--config", file);
  expect(old).toMatchObject({ code: 0, stderr: "notice: `sightline models` is now called `sightline ps`\n" });
  expect(old.stdout).toMatch(/^ {2}pcb +warm /m);
  const oldLoad = await sightline("models", "--config", file, "--json", "load", "pcb");
  expect(oldLoad.stderr).toBe("notice: `sightline models` is now called `sightline model load`\n");
  expect(JSON.parse(oldLoad.stdout)).toMatchObject({ name: "pcb", state: "warm", loads: 1 });
  await ask("unload", "pcb");
  await next(3);
  expect(JSON.parse((await ask("load", "pcb")).stdout)).toMatchObject({ state: "warm", loads: 2 });
  expect(JSON.parse((await ask("activate", "pcb")).stdout)).toMatchObject({ state: "warm", loads: 2 });
  const refused = await ask("load", "nothing");
  expect(refused.code).toBe(1);
  expect(refused.stderr).toContain("ERR_MODEL_UNKNOWN");
  daemon.signal("SIGTERM");
  expect(await daemon.ended).toMatchObject({ code: 0 });
  expect(verdicts().map(({ seq }) => seq)).toEqual(verdicts().map((_, i) => i + 1));
  expect(verdicts().filter(({ error }) => error !== null)).toEqual([]);
});

test("weights that are cut short under the daemon cost the frames at hand, and no restart", async () => {
  const { daemon, folder, next, verdicts } = await running();
  await next(3);
  const cache = join(folder, "data", "models");
  const names = readdirSync(cache, { recursive: true, encoding: "utf8" });
  const weights = names.filter((name) => name.endsWith("weights.bin"));
  expect(weights).toHaveLength(1);
  for (const name of weights) truncateSync(join(cache, name), 0);
  await next(10);
  const codes = verdicts().map(({ error }) => error?.code ?? null);
  expect(codes).toContain("ERR_MODEL_DIGEST");
  expect(codes.slice(-3)).toEqual([null, null, null]);
  daemon.signal("SIGTERM");
  expect(await daemon.ended).toMatchObject({ code: 0 });
});
