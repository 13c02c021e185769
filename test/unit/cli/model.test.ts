import { copyFile, mkdir, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { beforeEach, describe, expect, it } from "vitest";
import { main } from "../../../cli/commands.ts";
import { openBundle } from "../../../models/bundle/bundle.ts";
import { SAMPLES } from "../../support/daemon-process.ts";
import { MODELS } from "../../support/models.ts";
import { writePacked } from "../../support/packed-bundle.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { recordingContext } from "./recording-context.ts";

let folder: string;
beforeEach(async () => {
  folder = await tempFolder();
});

/** `sightline model …`: exit code, and what it wrote to either side. */
async function model(line: string) {
  const { context, outLines, errLines } = recordingContext(folder);
  const code = await main(["model", ...line.split(" ")], context);
  return { code, out: outLines.join("\n"), err: errLines.join("\n") };
}

async function done(line: string): Promise<string> {
  const { code, out, err } = await model(line);
  expect([code, err]).toEqual([0, ""]);
  return out;
}

const QUANTIZE = `quantize pcb-aoi -o q --calibrate ${SAMPLES}`;
const refused = (code: string) => ({
  code: 1,
  out: "",
  err: expect.stringMatching(new RegExp(`^${code}: `)),
});
const write = (name: string, version: string, more: object = {}) =>
  writePacked(join(folder, name), { version, weights: Buffer.alloc(5000, version), ...more });

describe("sightline model", () => {
  it("takes a model from its maker's machine to the device, and an update after it", async () => {
    await done("keygen maker");
    await done("bundle pcb-aoi -o first.tar --sign maker.key.pem");
    await mkdir(join(folder, "model-store/trust"), { recursive: true });
    await copyFile(join(folder, "maker.pub.pem"), join(folder, "model-store/trust/maker.pem"));
    expect(await done("verify first.tar")).toMatch(
      /^first.tar: OK, pcb-aoi \d.\d.\d, signed by [0-9a-f]{64}$/,
    );
    expect(await done("install first.tar")).toMatch(
      /^pcb-aoi \d.\d.\d is installed, \d.\d MiB added, signed by/,
    );
    expect(
      (await openBundle(join(folder, "model-store/models/pcb-aoi/current"))).manifest.labels,
    ).toHaveLength(6);
    expect(await done("list")).toMatch(/^pcb-aoi +\d.\d.\d +previous: none +\d.\d MiB$/);
    expect(await done("verify")).toMatch(/^pcb-aoi \d.\d.\d: OK$/);
  });

  it("updates by a delta, goes back and cleans up", async () => {
    for (const version of ["1.0.0", "1.1.0", "1.2.0"]) await write(version, version);
    await done("install 1.0.0 --store s");
    expect(await done("delta 1.0.0 1.1.0 -o up.delta")).toMatch(/^Wrote up.delta, \d+ B$/);
    expect(await done("apply up.delta --store s")).toMatch(/^parts 1.1.0 is installed, 4.9 KiB added/);
    expect(await done("apply up.delta --store s")).toMatch(/^parts 1.1.0 was already installed/);
    expect(await done("rollback parts --store s")).toBe(
      "parts 1.0.0 is the current version again, 1.1.0 the previous one",
    );
    expect(JSON.parse(await done("list --json --store s"))).toEqual({
      name: "parts",
      current: "1.0.0",
      previous: "1.1.0",
      highest: "1.1.0",
      bytes: 5007,
    });
    await done("install 1.2.0 --store s");
    expect(await done("gc --store s")).toBe("Freed 4.9 KiB\nRemoved parts 1.1.0");
    expect(await model("install 1.1.0 --store s")).toEqual(refused("ERR_MODEL_ROLLBACK"));
    expect(await model("delta 1.0.0 1.1.0 -o up.delta")).toEqual(refused("ERR_MODEL_WRITE"));
  });

  it("signs what is packed, and refuses what is not or was changed", async () => {
    await done("keygen a");
    await done("keygen b");
    await write("bundle", "1.0.0");
    expect(await done("verify bundle")).toBe("bundle: OK, parts 1.0.0, not signed");
    await done("sign bundle --key a.key.pem");
    await done("sign bundle --key b.key.pem");
    const { signatures } = JSON.parse(await readFile(join(folder, "bundle/manifest.sig.json"), "utf8"));
    expect(signatures).toHaveLength(2);
    for (const key of ["a", "b"])
      expect(await done(`verify bundle --key ${key}.pub.pem`)).toContain("signed by");
    expect(await done("verify bundle")).toContain("signed, but no trusted key is configured here");
    await done("keygen c");
    expect(await model("verify bundle --key c.pub.pem")).toEqual(refused("ERR_MODEL_SIGNATURE"));
    await done("bundle bundle -o packed.tar");
    expect(await done("verify packed.tar --key a.pub.pem")).toContain("signed by");
    await write("bundle", "1.0.1");
    expect(await model("verify bundle")).toEqual(refused("ERR_MODEL_SIGNATURE"));
    expect(await model("sign bundle --key a.pub.pem")).toEqual(refused("ERR_MODEL_KEY"));
  });

  it("packs labels into the manifest, and leaves weights that a graph would not find", async () => {
    await write("bundle", "1.0.0", { changes: { labels: "labels.txt" } });
    await writeFile(join(folder, "bundle/labels.txt"), "open\nshort\n");
    expect(await model("install bundle")).toEqual(refused("ERR_MODEL_MANIFEST"));
    await done("bundle bundle -o packed");
    expect((await openBundle(join(folder, "packed"))).manifest.labels).toEqual(["open", "short"]);
    expect(await model("bundle bundle -o packed")).toEqual(refused("ERR_MODEL_WRITE"));
    const manifest = JSON.parse(await readFile(join(folder, "packed/manifest.json"), "utf8"));
    const [stage] = manifest.variants[0].stages;
    await copyFile(join(folder, "packed", stage.weights.file), join(folder, "packed/w.bin"));
    stage.weights.file = "w.bin";
    await writeFile(join(folder, "packed/manifest.json"), JSON.stringify(manifest));
    expect(await model("bundle packed -o again")).toEqual(refused("ERR_MODEL_MANIFEST"));
  });

  it("keeps a secret key from others' eyes, and never writes over one", async () => {
    await done("keygen maker");
    expect((await stat(join(folder, "maker.key.pem"))).mode & 0o777).toBe(0o600);
    expect(await model("keygen maker")).toEqual(refused("ERR_MODEL_KEY"));
    await writeFile(join(folder, "half.pub.pem"), "taken");
    expect(await model("keygen half")).toEqual(refused("ERR_MODEL_KEY"));
    await expect(stat(join(folder, "half.key.pem"))).rejects.toMatchObject({ code: "ENOENT" });
  });

  it("reports damage with its exit code", async () => {
    await write("bundle", "1.0.0");
    await done("install bundle");
    expect(await done("verify")).toBe("parts 1.0.0: OK");
    await rm(join(folder, "model-store/models/parts/1.0.0/manifest.json"));
    expect(await model("list")).toMatchObject({
      code: 1,
      out: expect.stringMatching(/^parts: ERR_MODEL_MISSING: /),
    });
    expect(await model("verify")).toMatchObject({
      code: 1,
      out: expect.stringContaining("1.0.0: ERR_MODEL_MISSING"),
    });
    await rm(join(folder, "model-store/models/parts/highest"));
    await writeFile(join(folder, "model-store/models/parts/highest"), "1");
    expect(await model("verify")).toEqual(refused("ERR_MODEL_STORE"));
    expect(await model("install bundle --store /proc/none")).toEqual(refused("ERR_MODEL_STORE"));
    expect(await model("bundle bundle -o /proc/none")).toEqual(refused("ERR_MODEL_WRITE"));
    expect(await model("verify nowhere")).toEqual(refused("ERR_MODEL_MISSING"));
    expect(await done("verify --store elsewhere")).toMatch(/^No model is installed in .*elsewhere$/);
  });

  it.each([
    ["", 'model: there is no command ""'],
    ["instal", 'model: there is no command "instal"'],
    ["import", "import: FILE.onnx is missing"],
    ["import pcb-aoi", "import: this is a bundle already: install it with `sightline model install`"],
    [`import ${MODELS.mobilenetV1}`, "import: --name, --decoder and --classes are required"],
    ["inspect", "inspect: MODEL is missing"],
    ["quantize", "quantize: MODEL is missing"],
    ["quantize pcb-aoi", "--calibrate FOLDER, or --config FILE --camera NAME, is required"],
    ["quantize pcb-aoi -o q", "--calibrate FOLDER, or --config FILE --camera NAME, is required"],
    ["quantize pcb-aoi -o q --camera top", "--calibrate FOLDER, or --config FILE --camera NAME, is required"],
    [`${QUANTIZE} --weights 3`, '--weights must be one of 8, 4, 2, not "3"'],
    [`${QUANTIZE} --weights 4 --dynamic`, "--dynamic cannot be combined with --weights 4 or 2"],
    [`${QUANTIZE} --target mars`, /^--target must be one of linux-x64-vnni, .+, not "mars"$/],
    [
      `${QUANTIZE} --method guess`,
      '--method must be one of auto, minmax, percentile, entropy, mse, not "guess"',
    ],
    [`${QUANTIZE} --method percentile --percentile 5`, '--percentile must be from 50 to 100, not "5"'],
    [`${QUANTIZE} --min-sqnr high`, '--min-sqnr must be a number, not "high"'],
    [`${QUANTIZE} --labels . --max-drop -`, '--max-drop must be a number, not "-"'],
    [
      `${QUANTIZE} --weights 4 --save-calibration c`,
      "quantize: --save-calibration requires static int8, without --dynamic or --weights",
    ],
    ["split a", "split: either --stages or --budget is required"],
    ["split a -o b --stages 65000", /^split: --stages must be a number from 1 to \d+, not "65000"$/],
    ["table", "table: CALIBRATION is missing"],
    ["table a", "table: -o is missing"],
    ["table a -o b", "table: --format is missing"],
    ["table a -o b --format csv", '--format must be one of tensorrt, onnxruntime, not "csv"'],
    [
      "table a -o b --format tensorrt",
      "table: --tensorrt must be its version, such as 8601 for 8.6.1: it reads no other version's table",
    ],
    [
      "table a -o b --format onnxruntime --method auto",
      '--method must be one of minmax, percentile, entropy, mse, not "auto"',
    ],
    ["install", "install: FOLDER|FILE.tar is missing"],
    ["bundle", "bundle: BUNDLE is missing"],
    ["bundle a", "bundle: -o is missing"],
    ["keygen", "keygen: NAME is missing"],
    ["sign", "sign: FOLDER is missing"],
    ["sign a", "sign: --key is missing"],
    ["delta a", "delta: NEW is missing"],
    ["delta a b", "delta: -o is missing"],
    ["apply", "apply: FILE is missing"],
    ["rollback", "rollback: NAME is missing"],
    ["gc now", 'gc: unexpected argument "now"'],
    ["verify a b", 'verify: unexpected argument "b"'],
    ["list --all", "list: Unknown option '--all'"],
  ])("%j is not understood", async (line, message) => {
    const { code, err } = await model(line);
    const [said = "", ...hint] = err.split("\n");
    expect([code, said.slice(0, 11), hint.join()]).toEqual([
      2,
      "ERR_USAGE: ",
      expect.stringContaining("sightline"),
    ]);
    if (typeof message === "string") expect(said.slice(11)).toBe(message);
    else expect(said.slice(11)).toMatch(message);
    expect(await readdir(folder)).toEqual([]);
  });

  it("lists its commands", async () => {
    const { context, outLines } = recordingContext(folder);
    await main(["help", "model"], context);
    const commands = [...outLines.join("\n").matchAll(/^ {2}sightline model (\w+)/gm)].map(
      ([, name]) => name,
    );
    expect(commands).toEqual([
      ...["import", "inspect", "quantize", "table", "split", "bundle", "keygen", "sign", "verify"],
      ...["install", "list", "list", "rollback", "load", "unload", "activate", "gc", "delta", "apply"],
    ]);
  });
});
