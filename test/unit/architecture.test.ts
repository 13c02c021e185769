import { existsSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { describe, expect, test } from "vitest";
import { runSync } from "../support/child-processes.ts";

const ROOT = join(import.meta.dirname, "..", "..");

/** ARCHITECTURE.md's table: what each folder may import of ours. A deeper folder's line outranks its parent's. */
const MAY_IMPORT: Record<string, readonly string[]> = {
  "runtime/base": [],
  config: ["runtime/base"],
  models: ["runtime/base"],
  // What makes models runs them, so it stands above the runtime, beside the commands that use it.
  toolchain: ["runtime", "models"],
  "runtime/arm-neon": ["runtime/base"],
  "runtime/native": ["runtime/base", "runtime/arm-neon"],
  "runtime/tensor": ["runtime/base", "runtime/native"],
  "runtime/scheduler": ["runtime/base"],
  "runtime/session": ["runtime/base", "runtime/tensor", "runtime/native", "models"],
  "runtime/loader": ["runtime/base", "runtime/session", "runtime/tensor", "models"],
  "runtime/pipeline": ["runtime", "models"],
  services: ["runtime", "models"],
  "services/daemon": ["runtime", "models", "services", "config"],
  cli: ["runtime", "models", "toolchain", "services", "config"],
  bench: ["runtime", "models", "toolchain", "services", "config", "cli", "deploy", "test/support"],
  // The score of a shipped model is taken through the command that users have.
  "models/zoo": ["runtime", "models", "toolchain", "cli"],
};

/** Heavy packages, and the one folder that may import each. */
const DOORS: Record<string, readonly string[]> = {
  "better-sqlite3": ["services/outbox"],
  mqtt: ["services/mqtt", "bench/plain-loop.ts", "bench/loader/plain-first.ts"],
  fastify: ["services/http", "bench/serving/plain-server.ts"],
  ws: ["services/http"],
  "prom-client": ["services/metrics"],
  "mqtt-packet": ["services/mqtt"],
  aedes: ["cli/embedded-broker.ts"],
  sharp: ["runtime/pipeline/still-image.ts", "bench"],
  "onnxruntime-node": ["runtime/session", "bench/plain-loop.ts", "bench/loader/plain.ts"],
  pino: ["cli/logger.ts"],
  zod: ["config", "models", "toolchain"],
  "@bufbuild/protobuf": ["models/onnx"],
  yaml: ["config", "bench"],
  esbuild: ["deploy/package"],
};

const KERNELS_ROOM = "runtime/arm-neon";

interface Import {
  file: string;
  /** A path from the root, or a package's name. */
  target: string;
  isOurs: boolean;
}

const isInside = (path: string, folder: string): boolean => path === folder || path.startsWith(`${folder}/`);

const isTest = (file: string): boolean => file.startsWith("test/") || file.endsWith(".test.ts");

function sources(): string[] {
  const patterns = ["*.ts", "*.mjs"];
  const listed = runSync("git", ["ls-files", "-co", "--exclude-standard", ...patterns], { cwd: ROOT });
  // Git lists what is deleted and not yet committed.
  return listed
    .trim()
    .split("\n")
    .filter((file) => existsSync(join(ROOT, file)));
}

function importsOf(file: string): Import[] {
  const text = readFileSync(join(ROOT, file), "utf8");
  const found = text.matchAll(/(?:from|import)\s*\(?\s*["']([^"']+)["']|new URL\(["'](\.[^"']+\.ts)["']/g);
  return [...found].map((match) => {
    const specifier = match[1] ?? match[2] ?? "";
    const isOurs = specifier.startsWith(".");
    const name = specifier
      .split("/")
      .slice(0, specifier.startsWith("@") ? 2 : 1)
      .join("/");
    return { file, isOurs, target: isOurs ? normalize(join(dirname(file), specifier)) : name };
  });
}

/** What the compiler reads of the kernels' room. */
function kernelSources(): string[] {
  const listed = runSync("git", ["ls-files", "-co", "--exclude-standard", `${KERNELS_ROOM}/`], { cwd: ROOT });
  return listed
    .trim()
    .split("\n")
    .filter((file) => /\.(cc|h|inc)$/.test(file));
}

/** Includes are written from the room's root. */
function includesOf(file: string): { file: string; target: string }[] {
  const found = readFileSync(join(ROOT, file), "utf8").matchAll(/^#include "([^"]+)"/gm);
  return [...found].map(([, path]) => ({ file, target: `${KERNELS_ROOM}/${path}` }));
}

function ruleOf(file: string): string {
  const rules = Object.keys(MAY_IMPORT).filter((folder) => isInside(file, folder));
  return rules.sort((a, b) => b.length - a.length)[0] ?? "";
}

const files = sources();
const all = files.filter((file) => !isTest(file)).flatMap(importsOf);

test("tests start processes through the one module whose children end with them", () => {
  const imports = files.filter(isTest).flatMap(importsOf);
  const starters = imports.filter(({ target }) => target === "node:child_process").map(({ file }) => file);
  const others = [
    "test/deploy/run.ts",
    "test/soak",
    "test/simulation/run.ts",
    "test/stages.ts",
    "test/stress.ts",
  ];
  const isOther = (file: string) => others.some((place) => isInside(file, place));
  expect(new Set(starters.filter((file) => !isOther(file)))).toEqual(
    new Set(["test/support/child-processes.ts"]),
  );
});

describe("the module map", () => {
  test("the test sees the imports", () => {
    expect(all.length).toBeGreaterThan(100);
    expect(all.some((i) => i.file === "services/daemon/daemon.ts" && isInside(i.target, "config"))).toBe(
      true,
    );
  });

  test("imports point up the table, never down", () => {
    const wrong = all.filter(({ file, isOurs, target }) => {
      const own = ruleOf(file);
      if (!isOurs || own === "") return false;
      const isOwn = isInside(target, own) && own !== "services";
      return !isOwn && !(MAY_IMPORT[own] ?? []).some((folder) => isInside(target, folder));
    });
    expect(wrong.filter(({ file, target }) => !isSameService(file, target))).toEqual([]);
  });

  test("what computes includes nothing of what drives it", () => {
    const listed = new Set(kernelSources());
    const includes = [...listed].flatMap(includesOf);
    expect(includes.length).toBeGreaterThan(100);
    expect(includes.filter(({ target }) => !listed.has(target))).toEqual([]);
  });

  test("a heavy package has one door", () => {
    const wrong = all.filter(({ file, isOurs, target }) => {
      const doors = isOurs ? undefined : DOORS[target];
      return doors !== undefined && !doors.some((door) => isInside(file, door));
    });
    expect(wrong).toEqual([]);
  });

  test("no file imports itself in a circle", () => {
    const graph = Map.groupBy(
      all.filter((i) => i.isOurs),
      (i) => i.file,
    );
    const reaches = (from: string, to: string, seen: Set<string>): boolean =>
      (graph.get(from) ?? []).some(({ target }) => {
        if (target === to) return true;
        if (seen.has(target)) return false;
        seen.add(target);
        return reaches(target, to, seen);
      });
    expect([...graph.keys()].filter((file) => reaches(file, file, new Set()))).toEqual([]);
  });
});

/** Services know no sibling, only themselves. */
function isSameService(file: string, target: string): boolean {
  const [folder, name] = file.split("/");
  return folder === "services" && isInside(target, `services/${name}`);
}
