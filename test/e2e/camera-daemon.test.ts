import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import type { CameraEvent } from "../../services/camera/report.ts";
import type { Health } from "../../services/health/health-reporter.ts";
import { config, SightlineProcess, sightline, writeConfig } from "../support/daemon-process.ts";
import { Mosquitto } from "../support/mosquitto.ts";
import { childrenOf, untilGone } from "../support/processes.ts";
import { Subscriber } from "../support/subscriber.ts";
import { tempFolder } from "../support/temp-folder.ts";

const R = "sightline/bench";
const bars = { source: "gst", preset: "test", format: "nv12", width: 320, height: 240, fps: 10 };
const two = {
  cameras: { left: bars, right: { ...bars, fps: 5 } },
  pipelines: { left: { camera: "left", model: "pcb" }, right: { camera: "right", model: "pcb" } },
};

async function start(sections: Record<string, object>) {
  const broker = await Mosquitto.start();
  const subscriber = await Subscriber.connect(broker.port);
  const folder = await tempFolder();
  const file = await writeConfig(folder, config(broker.port, folder, sections));
  const daemon = new SightlineProcess(["run", "--config", file]);
  const results = (pipeline: string) =>
    subscriber.on(`${R}/pipeline/${pipeline}/result`).map(({ text }) => JSON.parse(text) as InspectionResult);
  const texts = (topic: string) => subscriber.on(`${R}/${topic}`).map(({ text }) => text);
  const events = (camera: string) =>
    texts(`camera/${camera}/event`).map((text) => JSON.parse(text) as CameraEvent);
  const statuses = (camera: string) => texts(`camera/${camera}/status`);
  return { daemon, events, file, results, statuses, subscriber };
}

/** The process of the camera whose size or rate is in its arguments. */
async function processOf(daemon: SightlineProcess, argument: string): Promise<number> {
  for (const pid of await childrenOf(daemon.pid)) {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    if (words.includes(argument)) return pid;
  }
  throw new Error(`no child with ${argument}`);
}

describe("the daemon with cameras that are processes", () => {
  test("judges what they deliver, and counts it", async () => {
    const { daemon, file, results, statuses, subscriber } = await start(two);
    await subscriber.until(() => results("left").length >= 10 && results("right").length >= 5);
    expect(results("left")[0]).toMatchObject({ camera: "left", error: null, frame: { w: 320, h: 240 } });
    expect(results("left").every(({ verdict }) => verdict !== "error")).toBe(true);
    const health = JSON.parse((await sightline("health", "--config", file)).stdout) as Health;
    expect(health.cameras.left).toMatchObject({ status: "online", torn: 0, stalls: 0, restarts: 0 });
    const pids = await childrenOf(daemon.pid);
    expect(pids).toHaveLength(2);
    daemon.signal("SIGTERM");
    expect((await daemon.ended).code).toBe(0);
    await Promise.all(pids.map(untilGone));
    expect(statuses("left")).toEqual(["starting", "online", "offline"]);
  });

  test("one that freezes is stalled, and judged again after a restart; its neighbour goes on meanwhile", async () => {
    const { daemon, events, results, statuses, subscriber } = await start(two);
    await subscriber.until(() => results("left").length >= 5 && results("right").length >= 5);
    const frozen = await processOf(daemon, "framerate=10/1");
    process.kill(frozen, "SIGSTOP");
    const frozenAtMs = Date.now();
    await subscriber.until(() => statuses("left").includes("stalled"));
    const stalledAtMs = Date.now();
    const before = results("left").at(-1)?.frame.id ?? 0;
    await subscriber.until(() => statuses("left").at(-1) === "online");
    await subscriber.until(() => (results("left").at(-1)?.frame.id ?? 0) > before);
    expect(events("left")[0]).toMatchObject({
      type: "failure",
      error: { code: "ERR_CAMERA_STALLED" },
      action: "restart",
      lines: expect.arrayContaining([expect.stringContaining("PLAYING")]),
    });
    const during = results("right").filter(({ ts_ms }) => ts_ms > frozenAtMs && ts_ms < stalledAtMs);
    expect(during.length).toBeGreaterThan(0);
    expect(statuses("right")).toEqual(["starting", "online"]);
    await untilGone(frozen);
    daemon.signal("SIGTERM");
    expect((await daemon.ended).code).toBe(0);
  });

  test("leaves none behind when it is killed", async () => {
    const { daemon, results, subscriber } = await start(two);
    await subscriber.until(() => results("left").length >= 1 && results("right").length >= 1);
    const pids = await childrenOf(daemon.pid);
    expect(pids).toHaveLength(2);
    daemon.signal("SIGKILL");
    await Promise.all(pids.map(untilGone));
  });

  test("tells of a picture that a camera in order does not deliver", async () => {
    const cameras = { left: { ...bars, pattern: "black", fps: 50 } };
    const pipelines = { left: { camera: "left", model: "pcb" } };
    const { daemon, events, subscriber } = await start({ cameras, pipelines });
    await subscriber.until(() => events("left").length > 0);
    expect(events("left")[0]).toMatchObject({ type: "picture", faults: expect.arrayContaining(["black"]) });
    daemon.signal("SIGTERM");
    expect((await daemon.ended).code).toBe(0);
  });
});

test("doctor looks at each camera, and names the package of a plugin that is missing", async () => {
  const folder = await tempFolder();
  const cameras = {
    bars,
    pi: { source: "gst", preset: "picam" },
    gone: { source: "gst", preset: "usb", device: "/dev/video-none" },
    clip: { source: "replay", path: join(folder, "none.mp4") },
    own: { source: "exec", command: ["/nowhere/camera"], framing: "mjpeg" },
  };
  const file = await writeConfig(folder, config(1, folder, { cameras, pipelines: {} }));
  const { code, stdout } = await sightline("doctor", "--config", file, "--json");
  const found = Object.fromEntries(
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line))
      .map((finding) => [finding.about, finding]),
  );
  expect(code).toBe(1);
  expect(found["camera bars"]).toMatchObject({ level: "ok", found: "first picture 320×240 nv12" });
  expect(found["camera pi"]).toMatchObject({
    level: "bad",
    hint: "sudo apt-get install gstreamer1.0-libcamera",
  });
  expect(found["camera gone"].found).toContain("/dev/video-none");
  expect(found["camera clip"].found).toContain("none.mp4");
  expect(found["camera own"].found).toContain("/nowhere/camera");
});
