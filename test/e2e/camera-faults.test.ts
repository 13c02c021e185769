import { expect, test } from "vitest";
import type { Frame } from "../../runtime/pipeline/frame.ts";
import { type Fault, harm } from "../support/camera-faults.ts";
import { CameraRun, differenceFromBars, rawOf, toRgb } from "../support/camera-run.ts";
import { tempFolder } from "../support/temp-folder.ts";

const ROUNDS = 20;

const CODES: Record<Fault, readonly string[]> = {
  kill: ["ERR_CAMERA_ENDED"],
  end: ["ERR_CAMERA_ENDED"],
  freeze: ["ERR_CAMERA_STALLED"],
  garbage: ["ERR_CAMERA_STALLED"],
  half: ["ERR_CAMERA_ENDED", "ERR_CAMERA_STALLED"],
  size: ["ERR_CAMERA_FORMAT"],
};

/** A camera that nobody harms, in the same process: all of its frames come, and none is wrong. */
async function bystander() {
  const seen = { frames: 0, worst: 0, drops: 0 };
  const given = { source: "gst", preset: "test", format: "nv12", width: 98, height: 58, fps: 50 } as const;
  const look = async (frame: Frame) => {
    const picture = rawOf(frame);
    seen.frames++;
    seen.drops += frame.dropsBefore;
    seen.worst = Math.max(seen.worst, differenceFromBars(await toRgb(picture), picture));
  };
  // Room for the ten seconds that the test itself may be busy.
  const run = new CameraRun(await tempFolder(), given, look, 500);
  await run.until(() => seen.frames > 0);
  return { run, seen };
}

test(`cameras that are harmed ${ROUNDS} times each come back, no frame is wrong, and their neighbour notices nothing`, async () => {
  const { run, seen } = await bystander();
  const faults = Object.keys(CODES) as Fault[];
  const reports = await Promise.all(faults.map(async (fault) => harm(await tempFolder(), fault, ROUNDS)));
  for (const [i, fault] of faults.entries()) {
    const report = reports[i];
    expect(report?.wrong, fault).toEqual([]);
    expect(report?.rounds, fault).toBeGreaterThanOrEqual(ROUNDS);
    expect(
      [...new Set(report?.codes)].filter((code) => !CODES[fault].includes(code)),
      fault,
    ).toEqual([]);
  }
  await run.stop();
  expect(run.statuses).toEqual(["starting", "online"]);
  expect(run.failures).toEqual([]);
  expect(seen.drops).toBe(0);
  expect(seen.worst).toBeLessThanOrEqual(6);
});
