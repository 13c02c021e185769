import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkText, loadConfig } from "../../../config/load.ts";
import type { SightlineError } from "../../../runtime/base/errors.ts";
import { VALID } from "./valid.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "sightline-config-"));
});
afterAll(() => rm(folder, { recursive: true }));

async function load(text: string | Uint8Array, env: Record<string, string> = {}) {
  const file = join(folder, "config.yaml");
  await writeFile(file, text);
  return loadConfig(file, { env });
}

function errorOf(action: () => unknown): SightlineError {
  try {
    action();
  } catch (error) {
    return error as SightlineError;
  }
  throw new Error("nothing was thrown");
}

describe("loadConfig", () => {
  it("fills in defaults, turns durations into ms and sizes into bytes, and makes paths absolute", async () => {
    const config = await load(VALID);
    expect(config.mqtt).toEqual({
      url: "mqtt://127.0.0.1:1883",
      base_topic: "sightline",
      protocol: "auto",
      keepalive: 30_000,
      connect_timeout: 10_000,
      ack_timeout: 20_000,
      window: 20,
      retain_verdict: true,
    });
    expect(config.engine).toEqual({
      kernels: "auto",
      slots: "auto",
      threads_per_slot: 1,
      run_limit: 2_000,
      model_budget: "auto",
      activation_budget: "auto",
    });
    expect(config.store).toEqual({
      path: join(folder, "data"),
      max_size: 256 * 2 ** 20,
      commit_delay: 50,
      commit_rows: 20,
    });
    expect(config.health).toEqual({ interval: 30_000 });
    expect(config.log).toEqual({ level: "info" });
    expect(config.models).toEqual({
      pcb: {
        bundle: join(folder, "models/pcb"),
        pin: false,
        preload: true,
        stream: "auto",
        max_batch: 1,
        batching: "auto",
        instances: "auto",
        priority: 1,
        queue: { when_full: "reject" },
      },
    });
    expect(config.cameras.top).toEqual({
      source: "replay",
      path: join(folder, "images"),
      fps: 10,
      repeat: "loop",
      mode: "free_run",
      buffer: 4,
    });
    expect(config.pipelines.board).toEqual({
      camera: "top",
      model: "pcb",
      min_score: 0.3,
      zones: {},
    });
  });

  it("makes every kind of path absolute and leaves absolute ones alone", async () => {
    const config = await load(
      `${VALID.replace("path: images", "files: [a.png, ../b.png, /c.png]")}
engine: {library: lib/libonnxruntime.so}
mqtt: {url: mqtts://b, tls: {ca: ca.pem, cert: c.pem, key: /k.pem}}`,
    );
    expect(config.cameras.top).toMatchObject({
      files: [join(folder, "a.png"), join(folder, "../b.png"), "/c.png"],
    });
    expect(config.engine.library).toBe(join(folder, "lib/libonnxruntime.so"));
    expect(config.mqtt.tls).toEqual({
      ca: join(folder, "ca.pem"),
      cert: join(folder, "c.pem"),
      key: "/k.pem",
      verify: true,
    });
  });

  it("cannot be changed afterwards, at any depth", async () => {
    const config = await load(VALID);
    expect(() => Object.assign(config, { version: 2 })).toThrow(TypeError);
    expect(() => Object.assign(config.pipelines.board?.zones ?? {}, { near: {} })).toThrow(TypeError);
  });

  it("takes a byte order mark, CRLF and anchors", async () => {
    const aliased = VALID.replace("path: images", "path: &p images\n  low: {source: replay, path: *p}");
    const config = await load(`\uFEFF${aliased}`.replaceAll("\n", "\r\n"));
    expect(config.cameras.low).toMatchObject({ path: join(folder, "images") });
  });

  it("takes names that objects inherit", async () => {
    const config = await load(
      VALID.replace("  top:", "  constructor:").replace("camera: top", "camera: constructor"),
    );
    expect(Object.keys(config.cameras)).toEqual(["constructor"]);
  });

  it("refuses bytes that are not UTF-8", async () => {
    const bytes = Buffer.concat([Buffer.from(VALID), Buffer.from([0x23, 0xff, 0x0a])]);
    await expect(load(bytes)).rejects.toThrow(
      `${join(folder, "config.yaml")}:1:1: the file is not UTF-8, save it as UTF-8`,
    );
  });

  it("throws one error with a line for each problem", async () => {
    const file = join(folder, "two.yaml");
    await writeFile(file, `${VALID}log: {level: 5}\nnonsense: 1\n`);
    const error = errorOf(() => loadConfig(file, { env: {} }));
    expect(error).toMatchObject({ name: "SightlineError", code: "ERR_CONFIG_INVALID" });
    expect(error.message.split("\n")).toHaveLength(2);
  });

  it("says when a file cannot be read", async () => {
    await mkdir(join(folder, "folder"));
    await writeFile(join(folder, "large.yaml"), `#${" ".repeat(2 ** 20)}`);
    for (const [name, reason] of [
      ["absent.yaml", "ENOENT"],
      ["folder", "not a regular file"],
      ["large.yaml", "larger than 1 MiB"],
    ] as const) {
      const error = errorOf(() => loadConfig(join(folder, name), { env: {} }));
      expect(error.code).toBe("ERR_CONFIG_READ");
      expect(error.message).toContain(reason);
    }
  });
});

describe("hostile YAML", () => {
  const problemsOf = (text: string) => checkText(text, { file: "c.yaml", env: {} }).problems;

  it("does not expand an alias bomb", () => {
    const levels = Array.from({ length: 30 }, (_, n) => `l${n + 1}: &l${n + 1} [${`*l${n}, `.repeat(10)}]`);
    const [problem] = problemsOf(["l0: &l0 x", ...levels].join("\n"));
    expect(problem?.message).toMatch(/more than 50000 values, aliases included|nested more than 32 levels/);
  });

  it.each(["[", "{a: ", "- ", "? ", "a:\n "])("does not fall over 100,000 characters of %j", (piece) => {
    const problems = problemsOf(piece.repeat(100_000 / piece.length));
    expect(problems.length).toBeGreaterThan(0);
    expect(problems.length).toBeLessThanOrEqual(101);
  });

  it("refuses what is closed properly but too deep", () => {
    const [problem] = problemsOf(`a: ${"[".repeat(40)}${"]".repeat(40)}`);
    expect(problem?.message).toBe("nested more than 32 levels deep");
    const [deeper] = problemsOf(`a: ${"[".repeat(5000)}${"]".repeat(5000)}`);
    expect(deeper?.message).toMatch("nested");
  });

  it("does not let a file reach a prototype", () => {
    problemsOf(`${VALID}__proto__: {polluted: yes}\nlog: {__proto__: {polluted: yes}}\n`);
    problemsOf(`${VALID}"__proto__": {polluted: yes}\nconstructor: {prototype: {polluted: yes}}\n`);
    expect(Reflect.get({}, "polluted")).toBeUndefined();
  });
});
