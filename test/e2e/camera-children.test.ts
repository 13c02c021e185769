import { readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { systemClock as clock } from "../../runtime/base/clock.ts";
import { ChildSource } from "../../services/camera/child-source.ts";
import { CameraRun } from "../support/camera-run.ts";
import { ScriptProcess } from "../support/daemon-process.ts";
import { scripted } from "../support/numbered-frames.ts";
import { isAlive, untilGone } from "../support/processes.ts";
import { tempFolder } from "../support/temp-folder.ts";

const OWNER = fileURLToPath(new URL("../support/children/camera-owner.ts", import.meta.url));

/** Runs and never says a word: nothing would tell it that its reader is gone. */
const SILENT = { source: "exec", command: ["sleep", "1000"], framing: "mjpeg", mode: "triggered" };
const STUBBORN = `trap '' TERM; (trap '' TERM; while true; do sleep 1; done) & echo grandchild $! >&2; while true; do sleep 1; done`;

describe("a camera's process", () => {
  test.each([
    ["silent", SILENT],
    ["busy", scripted("multipart", "none")],
    ["GStreamer's", { source: "gst", preset: "test", width: 64, height: 64, fps: 10 }],
  ])("that is %s ends with its owner, however that ends", async (_, settings) => {
    const owner = new ScriptProcess(OWNER, ["stay", await tempFolder(), JSON.stringify(settings)]);
    const pid = Number((await owner.untilOut(/camera (\d+)/))[1]);
    expect(await isAlive(pid)).toBe(true);
    owner.signal("SIGKILL");
    await untilGone(pid);
  });

  test("does not keep an owner from ending that fails", async () => {
    const owner = new ScriptProcess(OWNER, ["throw", await tempFolder(), JSON.stringify(SILENT)]);
    const pid = Number((await owner.untilOut(/camera (\d+)/))[1]);
    expect(await owner.ended).toMatchObject({ code: 1, stderr: expect.stringContaining("on purpose") });
    await untilGone(pid);
  });

  test("that does not listen to SIGTERM is ended all the same, with those that it started", async () => {
    const folder = await tempFolder();
    const given = { source: "exec", command: ["sh", "-c", STUBBORN], framing: "mjpeg", stall: 300 } as const;
    const run = new CameraRun(folder, { ...given, mode: "triggered" }, () => {});
    await run.until(() => run.failures.length > 0);
    const lines = run.failures[0]?.lines.join("\n") ?? "";
    const grandchild = Number(/grandchild (\d+)/.exec(lines)?.[1]);
    expect(grandchild).toBeGreaterThan(1);
    expect(run.failures[0]?.error.code).toBe("ERR_CAMERA_STALLED");
    await untilGone(grandchild);
    await run.stop();
    expect(await readdir(folder)).toEqual([]);
  });

  test("that cannot be started is a failure that names it, and the pauses grow", async () => {
    const given = { source: "exec", command: ["/nowhere/camera"], framing: "mjpeg" } as const;
    const run = new CameraRun(await tempFolder(), given, () => {});
    await run.until(() => run.failures.length >= 2);
    await run.stop();
    expect(run.statuses).toEqual(["starting", "offline"]);
    expect(run.failures[0]?.error.message).toContain("/nowhere/camera");
    const [first = 0, second = 0] = run.failures.map((failure) => failure.pause_ms);
    expect(first).toBeLessThanOrEqual(1_000);
    expect(second).toBeGreaterThan(first);
  });

  test("ends with the 50 lines that it said last, without passwords", async () => {
    const script = join(await tempFolder(), "talks.sh");
    await writeFile(script, "for i in $(seq 70); do echo line $i rtsp://user:secret@cam/ >&2; done; exit 3");
    const run = new CameraRun(
      await tempFolder(),
      { source: "exec", command: ["sh", script], framing: "mjpeg" },
      () => {},
    );
    await run.until(() => run.failures.length > 0);
    await run.stop();
    const [failure] = run.failures;
    expect(failure?.lines).toHaveLength(50);
    expect(failure?.lines.at(-1)).toBe("line 70 rtsp://•••@cam/");
    expect(failure?.error.message).toContain("code 3");
  });
});

test("a command that may help is run when restarts did not, with its outcome", async () => {
  const folder = await tempFolder();
  const launch = () => ({ command: "false", args: [], framesTo: 1, framing: { kind: "mjpeg" } }) as const;
  const source = new ChildSource(
    { clock, launch, random: () => 0 },
    {
      camera: "cam",
      folder,
      reader: { blocks: 2, whenFull: "drop", checks: { frames: 10 } },
      backoffMs: { min: 1, max: 2 },
      graceMs: 100,
      recoverCommand: ["sh", "-c", "echo helped; exit 0"],
      atEnd: "fail",
      bringBack: true,
    },
  );
  const abort = new AbortController();
  const said: string[] = [];
  source.listen({
    onStatus: () => {},
    onStale: () => {},
    onEvent: (event) => {
      said.push(
        event.type === "failure" ? event.action : `${event.type} ${"ok" in event ? event.lines : ""}`,
      );
      if (said.length >= 9) abort.abort();
    },
  });
  for await (const _ of source.frames(abort.signal)) throw new Error("there is no frame");
  expect(said).toEqual([
    "restart",
    "restart",
    "restart",
    "reopen",
    "reopen",
    "recover",
    "recover_cmd helped",
    "alarm",
    "recover_cmd helped",
  ]);
});
