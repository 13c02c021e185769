import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";
import { expect, onTestFinished, test } from "vitest";
import { startChild } from "../support/child-processes.ts";
import { type Ended, ScriptProcess } from "../support/daemon-process.ts";
import { tempFolder } from "../support/temp-folder.ts";

const DEMO = fileURLToPath(new URL("../../cli/demo.ts", import.meta.url));
const VERDICT = /^(pass|fail|review|error) +\S+ +[\d.]+ ms {2}\S/gm;
const SUMMARY =
  /^(\d+) frames: (\d+) pass, (\d+) fail, (\d+) review, (\d+) error; latency p50 ([\d.]+) ms, p99 ([\d.]+) ms; (\d+) dropped$/m;

/** The demo, its temporary files in a folder of the test's own. */
async function start(...args: string[]) {
  const folder = await tempFolder();
  return { demo: new ScriptProcess(DEMO, args, { TMPDIR: folder }), folder };
}

/** What it printed, as a person reads it. */
function read({ stdout }: Ended) {
  const text = stripVTControlCharacters(stdout);
  const [, frames, ...numbers] = (SUMMARY.exec(text) ?? []).map(Number);
  const [pass = 0, fail = 0, review = 0, error = 0, p50Ms, p99Ms, dropped] = numbers;
  const port = Number(/^broker +127\.0\.0\.1:(\d+)/m.exec(text)?.[1]);
  const firstMs = Number(/^first verdict after (\d+) ms$/m.exec(text)?.[1]);
  const verdictLines = text.match(VERDICT) ?? [];
  return {
    text,
    verdictLines,
    frames,
    judged: pass + fail + review,
    error,
    p50Ms,
    p99Ms,
    dropped,
    port,
    firstMs,
  };
}

/** Takes port 1883 until the test ends, unless someone else has it. */
async function takePort(): Promise<void> {
  const server = createServer().listen(1883, "127.0.0.1");
  const taken = await Promise.race([
    once(server, "listening").then(() => true),
    once(server, "error").then(([error]) => (error as NodeJS.ErrnoException).code === "EADDRINUSE"),
  ]);
  expect(taken).toBe(true);
  onTestFinished(() => void server.close());
}

async function childrenOf(pid: number): Promise<number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, "utf8");
  return text.split(" ").filter(Boolean).map(Number);
}

test("shows a verdict a board, then what came of all", async () => {
  const { demo, folder } = await start("--frames", "12");
  const ended = await demo.ended;
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  const { dropped, error, firstMs, frames, judged, p50Ms, p99Ms, verdictLines } = read(ended);
  expect(verdictLines).toHaveLength(12);
  expect({ frames, judged, error }).toEqual({ frames: 12, judged: 12, error: 0 });
  expect(p50Ms).toBeGreaterThan(0);
  expect(p99Ms).toBeGreaterThanOrEqual(p50Ms ?? Number.NaN);
  expect(dropped).toBeGreaterThanOrEqual(0);
  expect(firstMs).toBeGreaterThan(0);
  expect(await readdir(folder)).toEqual([]);
});

test("with port 1883 taken it names another one, and works", async () => {
  await takePort();
  const { demo } = await start("--frames", "3");
  const ended = await demo.ended;
  expect(ended).toMatchObject({ code: 0, stderr: "" });
  const { frames, port, text, verdictLines } = read(ended);
  expect(text).toContain(`127.0.0.1:${port} (1883 is taken)`);
  expect(port).not.toBe(1883);
  expect(text).toContain(`mosquitto_sub -h 127.0.0.1 -p ${port} `);
  expect({ frames, lines: verdictLines.length }).toEqual({ frames: 3, lines: 3 });
});

test("the command that it prints shows its topics; Ctrl-C ends it with a summary and leaves nothing", async () => {
  const { demo, folder } = await start();
  const [, command = ""] = await demo.untilOut(/^watch +(mosquitto_sub .+)$/m);
  const watcher = startChild("bash", ["-c", `exec ${command}`], { stdio: ["ignore", "pipe", "inherit"] });
  const watcherEnded = once(watcher, "exit");
  let watched = "";
  for await (const piece of watcher.stdout.setEncoding("utf8")) {
    watched += piece;
    if (/^sightline\/demo\/pipeline\/boards\/verdict \{.+\}$/m.test(watched)) break;
  }
  watcher.kill("SIGTERM");
  await watcherEnded;
  expect(watched).toMatch(/^sightline\/demo\/pipeline\/boards\/result \{"schema":"inspection\.result\/1",/m);

  await demo.untilOut(/^first verdict after/m);
  const children = await childrenOf(demo.pid);
  expect(children).toHaveLength(1);
  demo.signal("SIGINT");
  const ended = await demo.ended;
  expect(ended).toMatchObject({ code: 0, signal: null, stderr: "" });
  const { frames, judged, verdictLines } = read(ended);
  expect(judged).toBe(frames);
  expect(verdictLines).toHaveLength(judged);
  expect(children.filter((pid) => existsSync(`/proc/${pid}`))).toEqual([]);
  expect(await readdir(folder)).toEqual([]);
});
