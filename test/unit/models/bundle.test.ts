import { createHash } from "node:crypto";
import { mkdir, mkdtemp, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listBundles, openBundle } from "../../../models/bundle/bundle.ts";
import { manifest } from "./manifest.ts";

const MODEL = Buffer.from("not really ONNX");
const SHA256 = createHash("sha256").update(MODEL).digest("hex");
const stage = (file = "m.onnx") => ({ file, sha256: SHA256, bytes: MODEL.length });
const variant = (name: string, targets: string[], ...stages: object[]) => ({ name, targets, stages });

let root: string;
let folder: string;
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sightline-bundle-"));
  folder = join(root, "parts");
  await mkdir(folder);
  await writeFile(join(folder, "m.onnx"), MODEL);
  await write({});
});
afterEach(() => rm(root, { recursive: true }));

const write = (changes: object): Promise<void> => {
  const whole = { ...manifest(), variants: [variant("fp32", ["any"], stage())], ...changes };
  return writeFile(join(folder, "manifest.json"), JSON.stringify(whole));
};
const refused = (code: string, message: unknown) => expect.objectContaining({ code, message });

describe("openBundle", () => {
  it("gives manifest, labels and verified files", async () => {
    const bundle = await openBundle(folder);
    expect(bundle).toMatchObject({ folder, labels: ["open", "short"], bytes: MODEL.length });
    expect(bundle.variant.name).toBe("fp32");
    expect(bundle.stages).toEqual([{ path: join(folder, "m.onnx"), bytes: MODEL.length, sha256: SHA256 }]);
  });

  it("reads labels from a file, with CRLF, a byte order mark and line ends at its end", async () => {
    await write({ labels: "labels.txt" });
    await writeFile(join(folder, "labels.txt"), "\uFEFFopen circuit\r\n short\r\n\r\n");
    expect((await openBundle(folder)).labels).toEqual(["open circuit", "short"]);
  });

  it.each([
    ["", "has no labels"],
    ["\n \n", "has no labels"],
    ["a\n\nb\n", "line 2 is empty"],
  ])("refuses the labels %j", async (text, message) => {
    await write({ labels: "labels.txt" });
    await writeFile(join(folder, "labels.txt"), text);
    await expect(openBundle(folder)).rejects.toEqual(
      refused("ERR_MODEL_MANIFEST", expect.stringContaining(message)),
    );
  });

  it("takes the variant of the best target, stages in order", async () => {
    await writeFile(join(folder, "n.onnx"), MODEL);
    const quick = variant("int8", ["linux-arm64-dotprod"], stage(), stage("n.onnx"));
    await write({ variants: [variant("fp32", ["any"], stage()), quick] });
    const { variant: chosen, stages } = await openBundle(folder, { targets: ["linux-arm64-dotprod", "any"] });
    expect(chosen.name).toBe("int8");
    expect(stages.map(({ path }) => path)).toEqual([join(folder, "m.onnx"), join(folder, "n.onnx")]);
    expect((await openBundle(folder)).variant.name).toBe("fp32");
    await expect(openBundle(folder, { targets: ["linux-x64"] })).rejects.toEqual(
      refused(
        "ERR_MODEL_MANIFEST",
        `${folder}: no variant for linux-x64; there are any, linux-arm64-dotprod`,
      ),
    );
  });

  it("says which file is not there", async () => {
    await rm(join(folder, "m.onnx"));
    await expect(openBundle(folder)).rejects.toEqual(
      refused("ERR_MODEL_MISSING", expect.stringContaining("m.onnx: ENOENT")),
    );
    await rm(join(folder, "manifest.json"));
    await expect(openBundle(folder)).rejects.toEqual(
      refused("ERR_MODEL_MISSING", expect.stringContaining("manifest.json: ENOENT")),
    );
    await expect(openBundle(join(root, "absent"))).rejects.toEqual(
      refused("ERR_MODEL_MISSING", expect.anything()),
    );
    await writeFile(join(folder, "m.onnx"), MODEL);
    await write({ labels: "absent.txt" });
    await expect(openBundle(folder)).rejects.toEqual(
      refused("ERR_MODEL_MISSING", expect.stringContaining("absent.txt: ENOENT")),
    );
  });

  it("notices a file that was cut or changed, and names both sides", async () => {
    await writeFile(join(folder, "m.onnx"), Buffer.from("Not really ONNX"));
    await expect(openBundle(folder)).rejects.toEqual(
      refused("ERR_MODEL_DIGEST", expect.stringMatching(`sha256 [0-9a-f]{64}, its manifest says ${SHA256}`)),
    );
    await truncate(join(folder, "m.onnx"), 3);
    await expect(openBundle(folder)).rejects.toEqual(
      refused("ERR_MODEL_DIGEST", `${join(folder, "m.onnx")} has 3 bytes, its manifest says ${MODEL.length}`),
    );
  });

  it("does not follow a link out of the bundle, but may lie behind one itself", async () => {
    await writeFile(join(root, "outside.onnx"), MODEL);
    await rm(join(folder, "m.onnx"));
    await symlink(join(root, "outside.onnx"), join(folder, "m.onnx"));
    await expect(openBundle(folder)).rejects.toEqual(
      refused("ERR_MODEL_MANIFEST", `${folder}: m.onnx leaves the bundle`),
    );
    await rm(join(folder, "m.onnx"));
    await writeFile(join(folder, "real.onnx"), MODEL);
    await symlink("real.onnx", join(folder, "m.onnx"));
    await symlink(folder, join(root, "current"));
    expect((await openBundle(join(root, "current"))).stages[0]?.path).toBe(join(folder, "real.onnx"));
  });

  it("takes neither a folder nor a neighbour with a longer name for a file inside", async () => {
    await mkdir(join(root, "parts-2"));
    await writeFile(join(root, "parts-2", "m.onnx"), MODEL);
    await symlink(join(root, "parts-2", "m.onnx"), join(folder, "link.onnx"));
    await write({ variants: [variant("fp32", ["any"], stage("link.onnx"))] });
    await expect(openBundle(folder)).rejects.toEqual(
      refused("ERR_MODEL_MANIFEST", expect.stringContaining("leaves the bundle")),
    );
    await mkdir(join(folder, "sub"));
    await write({ variants: [variant("fp32", ["any"], stage("sub"))] });
    await expect(openBundle(folder)).rejects.toEqual(
      refused("ERR_MODEL_MANIFEST", expect.stringContaining("is not a regular file")),
    );
  });
});

describe("listBundles", () => {
  it("lists what is there and says what is not", async () => {
    const variants = [
      variant("a", ["any"], stage()),
      variant("b", ["x"], stage(), { ...stage(), sha256: "1".repeat(64) }),
    ];
    await write({ variants });
    expect(await listBundles([folder, join(root, "absent")])).toEqual([
      { folder, name: "parts", version: "1.0.0", variants: ["a", "b"], bytes: 2 * MODEL.length },
      { folder: join(root, "absent"), error: refused("ERR_MODEL_MISSING", expect.anything()) },
    ]);
  });
});
