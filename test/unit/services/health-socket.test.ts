import { spawn } from "node:child_process";
import { once } from "node:events";
import { stat } from "node:fs/promises";
import { createConnection, createServer } from "node:net";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { askHealth, HealthSocket } from "../../../services/health/health-socket.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const HEALTH = { uptime_s: 7, mqtt: { connected: true } };

async function started(folder: string, health: () => Promise<object> = async () => HEALTH) {
  const socket = new HealthSocket(health, { folder });
  await socket.start();
  onTestFinished(() => socket.stop());
  return socket;
}

/** A server in place of the daemon; what it does with a connection is the test's choice. */
async function impostor(folder: string, text: string | undefined): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    if (text !== undefined) socket.end(text);
  }).listen(join(folder, "health.sock"));
  await once(server, "listening");
  onTestFinished(() => void server.close());
}

const unreachable = (reason: string) =>
  expect.objectContaining({ code: "ERR_DAEMON_UNREACHABLE", message: expect.stringContaining(reason) });

test("answers each who asks, until it stops", async () => {
  const folder = await tempFolder();
  const socket = await started(folder);
  const answers = await Promise.all([1, 2, 3].map(() => askHealth(folder, 5_000)));
  expect(answers).toEqual([HEALTH, HEALTH, HEALTH]);
  await socket.stop();
  await socket.stop();
  await expect(askHealth(folder, 5_000)).rejects.toEqual(unreachable("ENOENT"));
});

test("takes the place of a daemon that was killed", async () => {
  const folder = await tempFolder();
  const path = join(folder, "health.sock");
  const script = `require("net").createServer().listen(${JSON.stringify(path)}, () => console.log("up"))`;
  const dead = spawn(process.execPath, ["-e", script], { stdio: ["ignore", "pipe", "inherit"] });
  await once(dead.stdout, "data");
  dead.kill("SIGKILL");
  await once(dead, "exit");
  expect((await stat(path)).isSocket()).toBe(true);
  await expect(askHealth(folder, 5_000)).rejects.toEqual(unreachable("ECONNREFUSED"));
  await started(folder);
  expect(await askHealth(folder, 5_000)).toEqual(HEALTH);
});

test("a folder whose name is too long for a socket is refused, with how much to cut", async () => {
  const folder = join(await tempFolder(), "x".repeat(100));
  const tooMany = Buffer.byteLength(join(folder, "health.sock")) - 107;
  const socket = new HealthSocket(async () => HEALTH, { folder });
  await expect(socket.start()).rejects.toMatchObject({
    code: "ERR_STORE_OPEN",
    hint: expect.stringContaining(`by ${tooMany} characters`),
  });
  await socket.stop();
});

test("a client that talks and stays hears the record, and holds nothing up", async () => {
  const folder = await tempFolder();
  const socket = await started(folder);
  const client = createConnection({ path: join(folder, "health.sock"), allowHalfOpen: true });
  onTestFinished(() => void client.destroy());
  client.on("error", () => {});
  client.write("GET / HTTP/1.1\r\n\r\n\0\xff".repeat(100));
  await once(client, "data");
  expect(await askHealth(folder, 5_000)).toEqual(HEALTH);
  await socket.stop();
});

test("a record that cannot be made ends that connection, not the daemon", async () => {
  const folder = await tempFolder();
  let failures = 0;
  await started(folder, async () => {
    if (failures++ === 0) throw new Error("the store's thread has ended");
    return HEALTH;
  });
  await expect(askHealth(folder, 5_000)).rejects.toEqual(unreachable("cut off"));
  expect(await askHealth(folder, 5_000)).toEqual(HEALTH);
});

test.each([
  ["something else", "hello?\n", 5_000, "cut off"],
  ["half a record", '{"uptime_s": 7', 5_000, "cut off"],
  ["nothing", undefined, 20, "no answer"],
])("%s in answer is ERR_DAEMON_UNREACHABLE", async (_, text, timeoutMs, reason) => {
  const folder = await tempFolder();
  await impostor(folder, text);
  await expect(askHealth(folder, timeoutMs)).rejects.toEqual(unreachable(reason));
});

test("asking with a path that is too long is ERR_DAEMON_UNREACHABLE as well", async () => {
  const folder = join(await tempFolder(), "x".repeat(100));
  await expect(askHealth(folder, 5_000)).rejects.toEqual(unreachable(folder));
});
