import { mkdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { openSource } from "../../../models/store/open-source.ts";
import { readTar, writeTar } from "../../../models/store/tar.ts";
import { runSync } from "../../support/child-processes.ts";
import { sha256Of, writePacked } from "../../support/packed-bundle.ts";
import { tempFolder } from "../../support/temp-folder.ts";

const refused = (message: string) =>
  expect.objectContaining({ code: "ERR_MODEL_ARCHIVE", message: expect.stringContaining(message) });

const inputOf = (tar: Buffer) => ({
  bytes: tar.length,
  read: async (target: Uint8Array, position: number) => void tar.copy(target, 0, position),
});
const entry = (name: string, content: string) => ({
  name,
  bytes: Buffer.byteLength(content),
  content: () => [Buffer.from(content)],
});

async function written(...files: ReturnType<typeof entry>[]): Promise<Buffer> {
  const path = join(await tempFolder(), "a.tar");
  await writeTar(path, files);
  return readFile(path);
}

/** The header's checksum made right again. */
function resealed(tar: Buffer, change: (header: Buffer) => void): Buffer {
  const copy = Buffer.from(tar);
  change(copy);
  copy.write("        ", 148);
  const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  return copy;
}

describe("tar", () => {
  it("gives back what was written, at any length around a block", async () => {
    for (const bytes of [0, 1, 511, 512, 513, 1024]) {
      const tar = await written(entry("a", "x".repeat(bytes)), entry("b", "second"));
      const [a, b] = await readTar(inputOf(tar));
      expect(a).toEqual({ name: "a", offset: 512, bytes });
      expect(b && tar.toString("utf8", b.offset, b.offset + b.bytes)).toBe("second");
    }
  });

  it("is one that tar(1) takes, and the other way round", async () => {
    const folder = await tempFolder();
    await writePacked(join(folder, "in"), { version: "1.0.0" });
    runSync("tar", ["cf", "theirs.tar", "-C", "in", "."], { cwd: folder });
    const theirs = await openSource(join(folder, "theirs.tar"));
    expect(theirs.manifestText).toBe(await readFile(join(folder, "in/manifest.json"), "utf8"));
    const graph = sha256Of("a graph");
    const content = Buffer.concat(await Array.fromAsync(theirs.read(`blobs/sha256/${graph}`)));
    expect(content.toString()).toBe("a graph");
    await theirs.close();
    await writeTar(join(folder, "ours.tar"), [
      entry("manifest.json", "{}"),
      entry(`blobs/sha256/${graph}`, "a graph"),
    ]);
    const out = runSync("tar", ["xOf", "ours.tar", `blobs/sha256/${graph}`], { cwd: folder });
    expect(out.toString()).toBe("a graph");
  });

  it.each<[what: string, change: (header: Buffer) => void, message: string]>([
    ["a link", (header) => void header.write("2", 156), "not a regular file"],
    ["a hard link", (header) => void header.write("1", 156), "not a regular file"],
    ["an extended header", (header) => void header.write("x", 156), "not a regular file"],
    ["a name in two parts", (header) => void header.write("deep/down", 345), "too long"],
    ["a size that is no number", (header) => void header.write("-0000000001", 124), "not octal"],
    ["a size above the file", (header) => void header.write("77777777777", 124), "ends early"],
    ["a binary size", (header) => void header.writeUInt8(0x80, 124), "not octal"],
    ["another magic", (header) => void header.write("star!", 257), "not a ustar archive"],
  ])("refuses %s", async (_, change, message) => {
    const tar = resealed(await written(entry("a", "content")), change);
    await expect(readTar(inputOf(tar))).rejects.toEqual(refused(message));
  });

  it("refuses one that is cut off, changed or goes on", async () => {
    const tar = await written(entry("a", "content"));
    for (const length of [0, 100, 512, 1024]) {
      await expect(readTar(inputOf(tar.subarray(0, length)))).rejects.toEqual(refused("ends early"));
    }
    const changed = Buffer.from(tar);
    changed.write("b", 0);
    await expect(readTar(inputOf(changed))).rejects.toEqual(refused("checksum"));
    await expect(readTar(inputOf(Buffer.concat([tar, Buffer.from("x")])))).rejects.toEqual(
      refused("data after its end"),
    );
    const folders = Buffer.concat(
      Array.from({ length: 5000 }, () => resealed(tar, (h) => h.write("5", 156)).subarray(0, 512)),
    );
    await expect(readTar(inputOf(folders))).rejects.toEqual(refused("more than 4096"));
  });
});

describe("a bundle's tar", () => {
  it.each([["../manifest.json"], ["/etc/passwd"], ["blobs/sha256/short"], ["other.txt"]])(
    "has no %s",
    async (name) => {
      const path = join(await tempFolder(), "a.tar");
      await writeTar(path, [entry("manifest.json", "{}"), entry(name, "x")]);
      await expect(openSource(path)).rejects.toEqual(refused("is not part of a bundle"));
    },
  );

  it("has a manifest, once", async () => {
    const folder = await tempFolder();
    await writeTar(join(folder, "none.tar"), []);
    await expect(openSource(join(folder, "none.tar"))).rejects.toEqual(refused("no manifest.json"));
    await writeTar(join(folder, "two.tar"), [entry("manifest.json", "{}"), entry("./manifest.json", "{ }")]);
    await expect(openSource(join(folder, "two.tar"))).rejects.toEqual(refused("appears twice"));
  });

  it("has no links, as tar(1) would pack them", async () => {
    const folder = await tempFolder();
    await mkdir(join(folder, "in"));
    await symlink("/etc/passwd", join(folder, "in/manifest.json"));
    await writeFile(join(folder, "in/manifest.sig.json"), "{}");
    runSync("tar", ["cf", "a.tar", "-C", "in", "."], { cwd: folder });
    await expect(openSource(join(folder, "a.tar"))).rejects.toEqual(refused("not a regular file"));
  });
});
