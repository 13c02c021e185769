import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packOci } from "../../deploy/package/oci.ts";
import { writeTree } from "../../deploy/package/tree.ts";
import { run } from "../support/child-processes.ts";
import { sightline } from "../support/daemon-process.ts";

const ARCH = process.arch === "arm64" ? "arm64" : "amd64";
const SAMPLES = "usr/lib/sightline/app/models/zoo/pcb-aoi/samples/images";
const work = await mkdtemp(join(tmpdir(), "sightline-oci-test-"));
const bundle = join(work, "bundle");
afterAll(() => rm(work, { recursive: true }));

beforeAll(async () => {
  await writeTree(join(work, "tree"), ARCH, "0.1.0");
  await packOci(join(work, "tree"), join(work, "oci"), { arch: ARCH, version: "0.1.0" });
  await run("umoci", ["unpack", "--image", `${join(work, "oci")}:0.1.0`, bundle]);
});

/** Runs the image's command with other arguments, as runc does it. */
async function inContainer(...args: string[]): Promise<string> {
  const file = join(bundle, "config.json");
  const config = JSON.parse(await readFile(file, "utf8")) as {
    process: { terminal: boolean; args: string[] };
  };
  config.process.terminal = false;
  config.process.args = ["/usr/bin/sightline", ...args];
  await writeFile(file, JSON.stringify(config));
  const { stdout } = await run("runc", ["run", "--bundle", bundle, `sightline-test-${process.pid}`]);
  return stdout;
}

test("the image says what it runs, as whom and where", async () => {
  const { process: started } = JSON.parse(await readFile(join(bundle, "config.json"), "utf8"));
  expect(started).toMatchObject({
    user: { uid: 10001, gid: 10001 },
    args: ["/usr/bin/sightline", "run", "--config", "/etc/sightline/sightline.yaml"],
    cwd: "/var/lib/sightline",
  });
});

test("under runc its verdicts are those of the sources", async () => {
  const names = (await readdir(join(bundle, "rootfs", SAMPLES))).sort().slice(0, 10);
  const seen = (text: string) =>
    text
      .trim()
      .split("\n")
      .map((line) => {
        const { detections, verdict } = JSON.parse(line) as { detections: unknown; verdict: string };
        return { detections, verdict };
      });
  const infer = ["infer", "--json", "--model", "pcb-aoi"];
  const there = await inContainer(...infer, ...names.map((name) => `/${SAMPLES}/${name}`));
  const here = await sightline(...infer, ...names.map((name) => join(bundle, "rootfs", SAMPLES, name)));
  expect(seen(there)).toEqual(seen(here.stdout));
  expect(seen(there)).toHaveLength(10);
});
