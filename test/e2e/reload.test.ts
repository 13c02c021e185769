import { expect, test } from "vitest";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import { config, SAMPLES, SightlineProcess, writeConfig } from "../support/daemon-process.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { range } from "../support/results.ts";
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
  await write({ ...lines("stays"), health: { interval: "2s" } });
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
