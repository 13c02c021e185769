import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, expect, test } from "vitest";
import { sendDatagram } from "../../runtime/native/index.ts";
import {
  CLI,
  config,
  SAMPLES,
  ScriptProcess,
  SightlineProcess,
  writeConfig,
} from "../support/daemon-process.ts";

const RECEIVER = fileURLToPath(new URL("../support/children/datagrams.py", import.meta.url));
const folder = await mkdtemp(join(tmpdir(), "sightline-notify-"));
afterAll(() => rm(folder, { recursive: true }));

async function listen(path: string): Promise<ScriptProcess> {
  const receiver = new ScriptProcess(RECEIVER, [path], {}, "/usr/bin/python3");
  await receiver.untilOut(/^listening$/m);
  return receiver;
}

test.each(["path", "abstract"])(
  "systemd hears that it is ready, alive and stopping, by a socket with a %s",
  async (kind) => {
    const path = kind === "path" ? join(folder, "notify") : `@sightline-test-${process.pid}`;
    const receiver = await listen(path);
    const cameras = { cam0: { source: "replay", path: SAMPLES, fps: 10, repeat: "loop" } };
    const file = await writeConfig(folder, config(1, folder, { cameras }));
    const daemon = new SightlineProcess(["run", "--config", file], {
      NOTIFY_SOCKET: path,
      WATCHDOG_USEC: "400000",
    });
    await receiver.untilOut(/^READY=1\nWATCHDOG=1\nWATCHDOG=1$/m);
    daemon.signal("SIGTERM");
    expect((await daemon.ended).code).toBe(0);
    await receiver.untilOut(/^STOPPING=1$/m);
  },
);

test("what cannot be told is given as the system's word for it", () => {
  expect(sendDatagram(join(folder, "nobody"), "READY=1")).toBe("No such file or directory");
  expect(sendDatagram("x".repeat(200), "READY=1")).toBe("File name too long");
});

/** npm exec ends when it is told to, and its child does not hear of it. */
test("under npm exec it ends when npm does", async () => {
  const cameras = { cam0: { source: "replay", path: SAMPLES, fps: 10, repeat: "loop" } };
  const file = await writeConfig(folder, config(1, folder, { cameras, log: { level: "info" } }));
  const command = `"${process.execPath}" "${CLI}" run --config "${file}" & wait`;
  const npm = new ScriptProcess("-c", [command], { npm_command: "exec" }, "/bin/sh");
  await npm.untilOut(/"msg":"started"/);
  npm.signal("SIGKILL");
  // Its standard output closes when the last process that holds it ends: the daemon.
  expect((await npm.ended).stdout).toMatch(/"msg":"stopped"/);
});
