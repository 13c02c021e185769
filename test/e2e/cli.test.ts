import { copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { describe, expect, test } from "vitest";
import { main } from "../../cli/commands.ts";
import { ERRORS } from "../../runtime/base/errors.ts";
import { openKernels } from "../../runtime/native/index.ts";
import type { InspectionResult } from "../../runtime/pipeline/result.ts";
import { BOARD, badPictures } from "../support/bad-pictures.ts";
import { run } from "../support/child-processes.ts";
import {
  CLI,
  config,
  type Ended,
  PCB_AOI,
  SAMPLES,
  SightlineProcess,
  sightline,
  writeConfig,
} from "../support/daemon-process.ts";
import { freePort, Mosquitto } from "../support/mosquitto.ts";
import { Subscriber } from "../support/subscriber.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { recordingContext } from "../unit/cli/recording-context.ts";

const lines = ({ stdout }: { stdout: string }): string[] => stdout.split("\n").filter(Boolean);
const objects = <T>(ended: { stdout: string }): T[] => lines(ended).map((line) => JSON.parse(line) as T);
const STACK = /^\s+at |node:internal/m;

/** Ended as a person can understand: the code, a reason, something to do, and no stack. */
function expectRefused(ended: Ended, exitCode: number, error: keyof typeof ERRORS): void {
  expect(ended).toMatchObject({ code: exitCode, stdout: "" });
  expect(ended.stderr).toMatch(new RegExp(`^${error}: .+\n.+\n$`, "s"));
  expect(ended.stderr).not.toMatch(STACK);
}

/** Pixels as a person sees them, for comparing two encodings of a picture. */
const grey = (file: string): Promise<Buffer> => sharp(file).greyscale().raw().toBuffer();

/** Mean difference of two pictures in grey levels, within a frame around `box` of `wide` pixels to each side. */
async function edgeDifference(a: string, b: string, box: readonly number[], wide: number): Promise<number> {
  const [first, second] = await Promise.all([grey(a), grey(b)]);
  const { width } = await sharp(a).metadata();
  const [left = 0, top = 0, right = 0] = box.map(Math.round);
  let [sum, count] = [0, 0];
  for (let y = Math.max(0, top - wide); y <= top + wide; y++) {
    for (let x = left; x < right; x++, count++) {
      sum += Math.abs((first[y * width + x] ?? 0) - (second[y * width + x] ?? 0));
    }
  }
  return sum / count;
}

describe("sightline infer", () => {
  test("gives a line for each picture in order, with code and hint for each that is none", async () => {
    const pictures = await badPictures(await tempFolder());
    const ended = await sightline("infer", "-m", "pcb-aoi", "--json", ...pictures.map((p) => p.file));
    expect(ended).toMatchObject({ code: 1, stderr: "" });
    const found = objects<InspectionResult>(ended);
    expect(found.map((r) => r.frame.origin)).toEqual(pictures.map((p) => p.file));
    expect(found.map((r) => r.error?.code ?? null)).toEqual(pictures.map((p) => p.code));
    for (const { error, verdict } of found) {
      expect(verdict === "error").toBe(error !== null);
      if (error) expect(error.hint).toBe(ERRORS[error.code].hint);
    }
    expect(found[0]).toMatchObject({ frame: { id: 1, w: 640, h: 640 }, models: [{ name: "pcb-aoi" }] });
  });

  test("as text it names verdict and picture, and tells on stderr what to do", async () => {
    const [good, bad] = await badPictures(await tempFolder());
    const ended = await sightline("infer", "-m", PCB_AOI, good?.file ?? "", bad?.file ?? "");
    expect(ended).toMatchObject({ code: 1, stderr: `${ERRORS.ERR_IMAGE_EMPTY.hint}\n` });
    const [first, second] = lines(ended);
    expect(first).toMatch(/^(fail|pass) .*00041207\.jpg {2}/);
    expect(second).toMatch(/^error .*empty\.jpg {2}ERR_IMAGE_EMPTY: /);
  });

  test("good pictures alone: exit code 0", async () => {
    expect(await sightline("infer", "-m", "pcb-aoi", BOARD)).toMatchObject({ code: 0, stderr: "" });
  });

  test("draws boxes where it found something, on a JPEG of the picture's size", async () => {
    const folder = await tempFolder();
    const wide = join(folder, "wide.png");
    await sharp(BOARD).resize(900, 640, { fit: "contain", background: "#fff" }).toFile(wide);
    const drawn = join(folder, "drawn/deep");
    const ended = await sightline("infer", "-m", "pcb-aoi", "--json", "--annotate", drawn, BOARD, wide);
    expect(ended.code).toBe(0);
    expect((await readdir(drawn)).sort()).toEqual(["00041207.annotated.jpg", "wide.annotated.jpg"]);
    for (const { detections, frame } of objects<InspectionResult>(ended)) {
      const source = frame.origin ?? "";
      const copy = join(drawn, source === wide ? "wide.annotated.jpg" : "00041207.annotated.jpg");
      expect(await sharp(copy).metadata()).toMatchObject({ format: "jpeg", width: frame.w, height: frame.h });
      expect(detections.length).toBeGreaterThan(0);
      for (const { box_px } of detections)
        expect(await edgeDifference(source, copy, box_px, 1)).toBeGreaterThan(10);
    }
  });

  test("a folder for drawings that cannot be is said once, also when several pictures are under way", async () => {
    const folder = await tempFolder();
    await writeFile(join(folder, "file"), "");
    const names = (await readdir(SAMPLES)).slice(0, 6);
    const files = names.map((name) => join(SAMPLES, name));
    const inFile = await sightline("infer", "-m", "pcb-aoi", "--annotate", join(folder, "file/x"), ...files);
    expectRefused(inFile, 1, "ERR_IMAGE_WRITE");
    for (const name of names) await mkdir(join(folder, name.replace(".jpg", ".annotated.jpg")));
    expectRefused(
      await sightline("infer", "-m", "pcb-aoi", "--annotate", folder, ...files),
      1,
      "ERR_IMAGE_WRITE",
    );
  });

  test("--min-score leaves out what is below", async () => {
    const at = async (score: string) =>
      objects<InspectionResult>(
        await sightline("infer", "-m", "pcb-aoi", "--json", "--min-score", score, BOARD),
      ).flatMap((r) => r.detections.map((d) => d.score));
    const [low, middle, none] = await Promise.all([at("0.01"), at("0.3"), at("1")]);
    expect(Math.min(...middle)).toBeGreaterThanOrEqual(0.3);
    expect(middle).toEqual(low.filter((score) => score >= 0.3));
    expect(low.length).toBeGreaterThan(middle.length);
    expect(none).toEqual([]);
  });

  test.each([
    ["--min-score", "1.1"],
    ["--min-score=-0.1"],
    ["--min-score", "half"],
    ["--min-score", ""],
    ["--min-score", "NaN"],
    ["--treshold", "1"],
  ])("%s %s is not understood", async (...args) => {
    // In this process: to start one takes longer than to refuse.
    const { errLines, context, outLines } = recordingContext(SAMPLES);
    expect(await main(["infer", "-m", "pcb-aoi", BOARD, ...args], context)).toBe(2);
    expect(outLines).toEqual([]);
    expect(errLines.join()).toMatch(/^ERR_USAGE: infer: .+\nsightline infer --model/);
  });

  test("neither without a model nor without a picture", async () => {
    expectRefused(await sightline("infer", BOARD), 2, "ERR_USAGE");
    expectRefused(await sightline("infer", "-m", "pcb-aoi"), 2, "ERR_USAGE");
  });

  test("a model that is not there is named", async () => {
    const ended = await sightline("infer", "-m", "no-such-model", BOARD);
    expectRefused(ended, 1, "ERR_MODEL_MISSING");
    expect(ended.stderr).toContain("no-such-model");
  });

  test("someone who reads only the first line gets it, and no stack trace", async () => {
    const files = (await readdir(SAMPLES)).map((name) => `'${join(SAMPLES, name)}'`).join(" ");
    const node = `'${process.execPath}' '${CLI}'`;
    const script = `${node} infer -m pcb-aoi --json ${files} ${files} | head -1; echo "exit \${PIPESTATUS[0]}"`;
    const { stderr, stdout } = await bash(script);
    const [first = "", last] = stdout.trim().split("\n");
    expect(JSON.parse(first)).toMatchObject({ frame: { id: 1 } });
    expect({ last, stderr }).toEqual({ last: "exit 0", stderr: "" });
  });
});

const bash = (script: string) => run("bash", ["-c", script]);

describe("sightline model list --shipped", () => {
  test("lists what is shipped, as text and as JSON", async () => {
    const [text, json] = await Promise.all([
      sightline("model", "list", "--shipped"),
      sightline("model", "list", "--shipped", "--json"),
    ]);
    expect(text).toMatchObject({
      code: 0,
      stderr: "",
      stdout: expect.stringMatching(/^pcb-aoi +\d+\.\d+\.\d+ /m),
    });
    expect(objects(json)).toContainEqual(
      expect.objectContaining({ name: "pcb-aoi", folder: PCB_AOI, bytes: expect.any(Number) }),
    );
  });

  test("a broken bundle is said, and the others are listed all the same", async () => {
    const folder = await tempFolder();
    await copyFile(join(PCB_AOI, "manifest.json"), join(folder, "manifest.json"));
    const manifest = await readFile(join(folder, "manifest.json"), "utf8");
    await writeFile(join(folder, "manifest.json"), manifest.replace('"labels"', '"lables"'));
    const [text, json] = await Promise.all([
      sightline("model", "list", "--shipped", folder),
      sightline("model", "list", "--shipped", "--json", folder),
    ]);
    expect(text).toMatchObject({ code: 1, stderr: "" });
    expect(text.stdout).toContain(`${folder}: ERR_MODEL_MANIFEST: `);
    expect(text.stdout).toContain("pcb-aoi ");
    expect(json.code).toBe(1);
    expect(objects<{ folder: string }>(json).find((bundle) => bundle.folder === folder)).toMatchObject({
      error: { code: "ERR_MODEL_MANIFEST", hint: ERRORS.ERR_MODEL_MANIFEST.hint },
    });
  });
});

test("the old name of commands for models is understood, with a notice", async () => {
  const [old, present] = await Promise.all([sightline("models"), sightline("model", "list", "--shipped")]);
  expect(old).toEqual({
    ...present,
    stderr: "notice: `sightline models` is now called `sightline model list --shipped`\n",
  });
});

interface Finding {
  level: "ok" | "warn" | "bad";
  about: string;
  found: string;
  hint?: string;
}

describe("sightline doctor", () => {
  test("looks at the machine", async () => {
    const [text, json] = await Promise.all([sightline("doctor"), sightline("doctor", "--json")]);
    expect(text).toMatchObject({ code: 0, stderr: "" });
    const findings = objects<Finding>(json);
    for (const { about, level } of findings)
      expect(text.stdout).toMatch(new RegExp(`^${level} +${about} `, "m"));
    expect(findings.find((f) => f.about === "execution provider")).toMatchObject({
      level: "ok",
      found: expect.stringMatching(/^cpu, ONNX Runtime \d+\.\d+/),
    });
    for (const { hint, level } of findings) expect(hint === undefined).toBe(level === "ok");
  });

  test("leaves nothing of ONNX Runtime's telemetry: no identifier, no cache, no log", async () => {
    const folder = await tempFolder();
    const homes = {
      TMPDIR: folder,
      HOME: folder,
      XDG_CACHE_HOME: folder,
      CACHE_DIRECTORY: await tempFolder(),
    };
    const unset = { ORT_DISABLE_TELEMETRY: undefined, CI: undefined };
    expect((await new SightlineProcess(["doctor"], { ...homes, ...unset }).ended).code).toBe(0);
    expect(await readdir(folder)).toEqual([]);
  });

  test("with a configuration whose parts are there, all of them are ok", async () => {
    const folder = await tempFolder();
    const broker = await Mosquitto.start();
    const file = await writeConfig(folder, config(broker.port, folder));
    const ended = await sightline("doctor", "--config", file, "--json");
    expect(ended.code).toBe(0);
    const own = objects<Finding>(ended).slice(-4);
    expect(own.map((f) => [f.about, f.level])).toEqual([
      ["model pcb", "ok"],
      ["camera cam0", "ok"],
      ["mqtt broker", "ok"],
      [`disk ${join(folder, "data")}`, "ok"],
    ]);
    expect(await readdir(folder)).toEqual(["config.yaml"]);
  });

  test("names the variant of each kernel, and the plain ones when a configuration asks for them", async () => {
    const folder = await tempFolder();
    const engine = { kernels: "generic" };
    const file = await writeConfig(folder, config(await freePort(), folder, { engine }));
    const [auto, plain] = await Promise.all([
      sightline("doctor", "--json"),
      sightline("doctor", "--config", file, "--json"),
    ]);
    const kernels = (ended: Ended) => objects<Finding>(ended).find((f) => f.about === "kernels")?.found;
    const list = (chosen: Record<string, string>) =>
      Object.entries(chosen).map(([kernel, variant]) => `${kernel} ${variant}`);
    expect(kernels(auto)).toBe(list(openKernels().chosen()).join(", "));
    expect(kernels(plain)).toBe(list(openKernels([]).chosen()).join(", "));
    expect(kernels(plain)).not.toBe(kernels(auto));
  });

  const bad: [string, string, (folder: string, port: number) => object][] = [
    ["a broker that does not listen", "mqtt broker", () => ({})],
    ["a model that is not there", "model pcb", () => ({ models: { pcb: { bundle: "./nowhere" } } })],
    ["a store below a file", "disk ", () => ({ store: { path: "./config.yaml/data" } })],
    ["a store where no folder can be", "disk ", () => ({ store: { path: "/proc/sightline" } })],
    [
      "a camera's folder that is not there",
      "camera cam0",
      () => ({ cameras: { cam0: { source: "replay", path: "./nowhere" } } }),
    ],
  ];

  test.each(bad)("%s is bad, with a hint", async (what, about, sections) => {
    const folder = await tempFolder();
    const port = what.startsWith("a broker") ? await freePort() : (await Mosquitto.start()).port;
    const file = await writeConfig(
      folder,
      config(port, folder, sections(folder, port) as Record<string, object>),
    );
    const [text, json] = await Promise.all([
      sightline("doctor", "-c", file),
      sightline("doctor", "-c", file, "--json"),
    ]);
    expect([text.code, json.code]).toEqual([1, 1]);
    const findings = objects<Finding>(json).filter((f) => f.level === "bad");
    expect(findings).toEqual([
      expect.objectContaining({
        about: expect.stringContaining(about),
        hint: expect.stringMatching(/.{20}/),
      }),
    ]);
    expect(text.stdout).toContain(`bad   ${findings[0]?.about}`);
    expect(text.stdout).toContain(findings[0]?.hint);
    expect(text.stderr + json.stderr).toBe("");
  });

  test("a configuration that is not valid is refused", async () => {
    const file = await writeConfig(await tempFolder(), { version: 1 });
    expectRefused(await sightline("doctor", "--config", file), 1, "ERR_CONFIG_INVALID");
  });
});

describe("sightline", () => {
  test("helps", async () => {
    const [bare, help, infer, flag, version] = await Promise.all([
      sightline(),
      sightline("help"),
      sightline("help", "infer"),
      sightline("infer", "--help"),
      sightline("version"),
    ]);
    expect(bare).toEqual(help);
    expect(help).toMatchObject({ code: 0, stderr: "" });
    for (const verb of ["run", "check", "init", "config", "infer", "ps", "model", "reload", "health"]) {
      expect(help.stdout).toMatch(new RegExp(`^ {2}${verb} +\\w`, "m"));
    }
    expect(infer).toEqual(flag);
    expect(infer.stdout).toContain("  sightline infer --model");
    expect(version).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  test("does not know every command", async () => {
    const ended = await sightline("infre");
    expectRefused(ended, 2, "ERR_USAGE");
    expect(ended.stderr).toContain('"infre"');
  });

  test("from `init` over `check` to verdicts on a broker", async () => {
    const folder = await tempFolder();
    const broker = await Mosquitto.start();
    const subscriber = await Subscriber.connect(broker.port);
    const file = join(folder, "first.yaml");
    expect(await sightline("init", file)).toMatchObject({ code: 0, stderr: "" });
    const written = await readFile(file, "utf8");
    await writeFile(file, written.replace("mqtt://127.0.0.1:1883", `mqtt://127.0.0.1:${broker.port}`));
    expect(await sightline("check", file)).toMatchObject({
      code: 0,
      stdout: expect.stringContaining("is valid"),
    });
    const daemon = new SightlineProcess(["run", "--config", file]);
    const results = () => subscriber.on("sightline/insp-01/pipeline/board/result");
    await subscriber.until(() => results().length >= 3);
    daemon.signal("SIGINT");
    expect(await daemon.ended).toMatchObject({ code: 0, signal: null, stderr: "" });
    const first = JSON.parse(results()[0]?.text ?? "{}") as InspectionResult;
    expect(first).toMatchObject({
      device: "insp-01",
      camera: "top",
      error: null,
      timing_ms: { deadline: 500 },
    });
    expect(await readdir(join(folder, "data"))).toContain("results.db");
  });
});
