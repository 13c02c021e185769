import { expect, test } from "vitest";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import {
  config,
  PCB_AOI,
  SAMPLES,
  SightlineProcess,
  sightline,
  writeConfig,
} from "../support/daemon-process.ts";
import { freePort, Mosquitto } from "../support/mosquitto.ts";
import { range } from "../support/results.ts";
import { backbone, head, writeBundle } from "../support/small-bundles.ts";
import { Subscriber } from "../support/subscriber.ts";
import { tempFolder } from "../support/temp-folder.ts";

const R = "sightline/bench";

/** Cameras that replay the samples, each with a pipeline of its name. */
const lines = (...names: string[]) => ({
  cameras: Object.fromEntries(
    names.map((name) => [name, { source: "replay", path: SAMPLES, fps: 5, mode: "triggered" }]),
  ),
  pipelines: Object.fromEntries(names.map((name) => [name, { camera: name, model: "pcb" }])),
});

test("SIGHUP adds and removes cameras, and the others go on as if nothing had happened", async () => {
  const broker = await Mosquitto.start();
  const subscriber = await Subscriber.connect(broker.port);
  const folder = await tempFolder();
  const write = (sections: Record<string, object>) =>
    writeConfig(folder, config(broker.port, folder, sections));
  const results = (pipeline: string) =>
    subscriber
      .on(`${R}/pipeline/${pipeline}/result`)
      .map(({ text }) => JSON.parse(text) as InspectionResult & { seq: number });
  const statuses = (camera: string) => subscriber.on(`${R}/camera/${camera}/status`).map(({ text }) => text);

  const daemon = new SightlineProcess(["run", "--config", await write(lines("stays", "goes"))]);
  await subscriber.until(() => results("stays").length > 2 && results("goes").length > 2);

  await write(lines("stays", "comes"));
  daemon.signal("SIGHUP");
  await subscriber.until(() => results("comes").length > 2);
  expect(statuses("goes")).toEqual(["online", "offline"]);
  expect(statuses("comes")).toEqual(["online"]);

  // Neither a slip of the pen nor a change of something else is applied, and each is said.
  await write({ ...lines("stays"), camera: {} });
  daemon.signal("SIGHUP");
  await daemon.untilOut(/"code":"ERR_CONFIG_INVALID"/);
  await write({ ...lines("stays"), engine: { slots: 1 } });
  daemon.signal("SIGHUP");
  await daemon.untilOut(/"code":"ERR_RELOAD"/);
  const before = results("comes").length;
  await subscriber.until(() => results("comes").length > before);

  daemon.signal("SIGTERM");
  expect(await daemon.ended).toMatchObject({ code: 0, signal: null, stderr: "" });
  const stayed = results("stays");
  expect(stayed.map(({ frame }) => frame.id)).toEqual(range(1, stayed.length));
  expect(stayed.map(({ seq }) => seq)).toEqual(range(1, stayed.length));
  expect(statuses("stays")).toEqual(["online", "offline"]);
});

/** Two pipelines of one camera, one of them with rules of its own; slow, so that a busy machine loses none either. */
const twoRules = (minScore: number) => ({
  cameras: { cam0: { source: "replay", path: SAMPLES, fps: 5, mode: "triggered", buffer: 64 } },
  pipelines: {
    stays: { camera: "cam0", model: "pcb" },
    changes: { camera: "cam0", model: "pcb", rules: [{ min_score: minScore }] },
  },
});

test("a rule that changes restarts neither its camera nor the pipeline beside it", async () => {
  const broker = await Mosquitto.start();
  const subscriber = await Subscriber.connect(broker.port);
  const folder = await tempFolder();
  const write = (sections: Record<string, object>) =>
    writeConfig(folder, config(broker.port, folder, sections));
  const results = (pipeline: string) =>
    subscriber
      .on(`${R}/pipeline/${pipeline}/result`)
      .map(({ text }) => JSON.parse(text) as InspectionResult & { seq: number });
  const file = await write(twoRules(0.3));
  const daemon = new SightlineProcess(["run", "--config", file]);
  await subscriber.until(() => results("changes").some(({ verdict }) => verdict === "fail"));

  for (const minScore of [1, 0.3, 1]) {
    await write(twoRules(minScore));
    const told = await sightline("reload", "--config", file);
    expect(told).toMatchObject({ code: 0, stdout: "changed: pipelines of cam0\n", stderr: "" });
    const appliedAtMs = Date.now();
    const after = () => results("changes").filter(({ ts_ms }) => ts_ms > appliedAtMs);
    await subscriber.until(() => after().length >= 8);
    // No defect has a score of 1, and most boards have one above 0.3.
    expect(after().some(({ verdict }) => verdict === "fail")).toBe(minScore < 1);
  }

  daemon.signal("SIGTERM");
  expect(await daemon.ended).toMatchObject({ code: 0, stderr: "" });
  for (const pipeline of ["stays", "changes"]) {
    const all = results(pipeline);
    expect(all.map(({ frame }) => frame.id)).toEqual(range(1, all.length));
    expect(all.flatMap(({ error }) => error?.code ?? [])).toEqual([]);
  }
  expect(subscriber.on(`${R}/camera/cam0/status`).map(({ text }) => text)).toEqual(["online", "offline"]);
});

test("models, evidence, HTTP and the broker change while cameras go on; a refusal names its line", async () => {
  const [broker, other] = [await Mosquitto.start(), await Mosquitto.start()];
  const [first, second] = [await Subscriber.connect(broker.port), await Subscriber.connect(other.port)];
  const folder = await tempFolder();
  const [port, newPort] = [await freePort(), await freePort()];
  const small = await writeBundle(`${folder}/small`, "1.2.0", [backbone(1), head(2)]);
  const write = (mqtt: number, sections: Record<string, object> = {}) =>
    writeConfig(folder, config(mqtt, folder, { ...lines("stays"), ...sections }));
  const http = (listen: number) => ({ http: { listen: `127.0.0.1:${listen}` } });
  const status = async (listen: number) => (await fetch(`http://127.0.0.1:${listen}/v2/models/small`)).status;
  const file = await write(broker.port, http(port));
  const reload = () => sightline("reload", "--config", file);
  const daemon = new SightlineProcess(["run", "--config", file]);
  await first.until(() => first.on(`${R}/pipeline/stays/result`).length > 2);
  expect(await status(port)).toBe(404);

  const evidence = { path: `${folder}/evidence`, audit_sample: 1, min_free_percent: 0 };
  const models = { pcb: { bundle: PCB_AOI, priority: 2 }, small: { bundle: small } };
  await write(broker.port, { ...http(newPort), evidence, models });
  expect((await reload()).stdout).toBe("changed: evidence, models.pcb, models.small, http\n");
  expect(await status(newPort)).toBe(200);
  await expect(status(port)).rejects.toThrow();
  const hasEvidence = ({ text }: { text: string }) => JSON.parse(text).evidence.length > 0;
  await first.until(() => first.on(`${R}/pipeline/stays/result`).some(hasEvidence));

  await write(broker.port, { ...http(newPort), evidence, models, engine: { slots: 1 } });
  const refused = await reload();
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toMatch(/ERR_RELOAD: .*config\.yaml:\d+:\d+: engine\.slots cannot change/);
  const event = () => JSON.parse(first.on(`${R}/config/event`).at(-1)?.text ?? "{}");
  await first.until(() => event().type === "refused");
  expect(event().error).toMatchObject({
    code: "ERR_RELOAD",
    message: expect.stringMatching(/engine\.slots/),
  });
  const health = await sightline("health", "--config", file);
  expect(health).toMatchObject({ code: 1, stderr: expect.stringMatching(/configuration: .*engine\.slots/) });

  await write(other.port, { ...http(newPort), models: { pcb: models.pcb } });
  expect((await reload()).stdout).toBe("changed: evidence, mqtt, models.small\n");
  await second.until(() => second.on(`${R}/pipeline/stays/result`).length > 2);
  expect(first.on(`${R}/state`).at(-1)?.text).toBe("stopped");
  expect(second.on(`${R}/camera/stays/status`).at(-1)?.text).toBe("online");
  expect(await status(newPort)).toBe(404);
  expect((await sightline("health", "--config", file)).code).toBe(0);

  daemon.signal("SIGTERM");
  expect(await daemon.ended).toMatchObject({ code: 0, stderr: "" });
  const seqs = [
    ...first.firstSeqs(`${R}/pipeline/stays/result`),
    ...second.firstSeqs(`${R}/pipeline/stays/result`),
  ];
  expect([...new Set(seqs)]).toEqual(range(1, Math.max(...seqs)));
});

test("signals count while the daemon starts: SIGHUP waits for the start, SIGTERM ends it", async () => {
  const broker = await Mosquitto.start();
  const subscriber = await Subscriber.connect(broker.port);
  const folder = await tempFolder();
  const file = await writeConfig(
    folder,
    config(broker.port, folder, { ...lines("stays"), log: { level: "info" } }),
  );
  const daemon = new SightlineProcess(["run", "--config", file]);
  // The broker is told before models are opened, and the first time takes a model's preparation.
  await subscriber.until(() => subscriber.on(`${R}/state`).length > 0);
  daemon.signal("SIGHUP");
  daemon.signal("SIGTERM");
  const { code, signal, stderr, stdout } = await daemon.ended;
  expect({ code, signal, stderr }).toEqual({ code: 0, signal: null, stderr: "" });
  expect(stdout).not.toMatch(/"msg":"started"/);
  expect(stdout).toMatch(/"msg":"stopped"/);
  expect(subscriber.on(`${R}/state`).map(({ text }) => text)).toEqual(["online", "stopped"]);
});
