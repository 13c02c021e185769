import assert from "node:assert/strict";
import { createHash, createPrivateKey, createPublicKey } from "node:crypto";
import { mkdir, mkdtemp, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { listBundles, openBundle } from "../../../models/bundle/bundle.ts";
import { readVerified } from "../../../models/bundle/files.ts";
import { makeKeys } from "../../../models/bundle/keys.ts";
import { signBundle } from "../../../toolchain/pack/pack.ts";
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
      refused("ERR_MODEL_MANIFEST", `${folder}: m.onnx is outside the bundle`),
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
      refused("ERR_MODEL_MANIFEST", expect.stringContaining("is outside the bundle")),
    );
    await mkdir(join(folder, "sub"));
    await write({ variants: [variant("fp32", ["any"], stage("sub"))] });
    await expect(openBundle(folder)).rejects.toEqual(
      refused("ERR_MODEL_MANIFEST", expect.stringContaining("is not a regular file")),
    );
  });
});

describe("weights, signatures and swaps", () => {
  const WEIGHTS = Buffer.from("eight by");
  const weights = {
    file: "w.bin",
    sha256: createHash("sha256").update(WEIGHTS).digest("hex"),
    bytes: WEIGHTS.length,
    tensors: [{ name: "t", dtype: "int8", offset: 0, bytes: 8 }],
  };

  it("verifies weights as it does the graph, and tells the two apart", async () => {
    await writeFile(join(folder, "w.bin"), WEIGHTS);
    await write({
      variants: [variant("a", ["any"], { ...stage(), weights, inputs: ["image"], outputs: ["x"] })],
    });
    const bundle = await openBundle(folder);
    expect(bundle.bytes).toBe(MODEL.length + WEIGHTS.length);
    const { sha256, bytes } = weights;
    expect(bundle.stages).toMatchObject([
      {
        sha256: SHA256,
        weights: { path: join(folder, "w.bin"), bytes, sha256 },
        inputs: ["image"],
        outputs: ["x"],
      },
    ]);
    await writeFile(join(folder, "w.bin"), "eight By");
    await expect(openBundle(folder)).rejects.toEqual(
      refused("ERR_MODEL_DIGEST", expect.stringContaining("w.bin")),
    );
  });

  it("gives the bytes that it verified, or none", async () => {
    const [graph] = (await openBundle(folder)).stages;
    assert(graph);
    expect(await readVerified(graph)).toEqual(MODEL);
    await writeFile(join(folder, "m.onnx"), "Not really ONNX");
    await expect(readVerified(graph)).rejects.toEqual(refused("ERR_MODEL_DIGEST", expect.anything()));
    await writeFile(join(root, "elsewhere.onnx"), MODEL);
    await rm(join(folder, "m.onnx"));
    await symlink(join(root, "elsewhere.onnx"), join(folder, "m.onnx"));
    await expect(readVerified(graph)).rejects.toEqual(
      refused("ERR_MODEL_MISSING", expect.stringContaining("ELOOP")),
    );
  });

  it("asks for a signature once a key is trusted", async () => {
    const { privatePem, publicPem } = makeKeys();
    const trusted = [createPublicKey(publicPem)];
    await expect(openBundle(folder, { trusted })).rejects.toEqual(
      refused("ERR_MODEL_SIGNATURE", expect.stringContaining("has no manifest.sig.json")),
    );
    await signBundle(folder, createPrivateKey(privatePem));
    expect((await openBundle(folder, { trusted })).manifest.name).toBe("parts");
    await write({ description: "changed" });
    await expect(openBundle(folder, { trusted })).rejects.toEqual(
      refused("ERR_MODEL_SIGNATURE", expect.stringContaining("differs from the one that was signed")),
    );
  });

  it("is all of one version while the link to it moves to and fro", async () => {
    const next = Buffer.from("of the next version");
    await mkdir(join(root, "next"));
    await writeFile(join(root, "next/m.onnx"), next);
    const newStage = {
      ...stage(),
      bytes: next.length,
      sha256: createHash("sha256").update(next).digest("hex"),
    };
    const whole = { ...manifest(), variants: [variant("fp32", ["any"], newStage)] };
    await writeFile(join(root, "next/manifest.json"), JSON.stringify(whole));
    const link = join(root, "current");
    await symlink("parts", link);
    let swaps = 0;
    let isDone = false;
    const swapping = (async () => {
      for (; !isDone; swaps++) {
        await symlink(swaps % 2 === 0 ? "next" : "parts", join(root, "tmp"));
        await rename(join(root, "tmp"), link);
      }
    })();
    const seen = new Set<number>();
    for (let round = 0; round < 200; round++) seen.add((await openBundle(link)).bytes);
    isDone = true;
    await swapping;
    expect([...seen].sort((a, b) => a - b)).toEqual([MODEL.length, next.length]);
    expect(swaps).toBeGreaterThan(20);
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
