import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { dynamicSymbols, isNewer } from "../../deploy/check-elf.ts";
import { OLDEST, packDeb } from "../../deploy/package/deb.ts";
import { filesBelow } from "../../deploy/package/natives.ts";
import { writeTree } from "../../deploy/package/tree.ts";
import { runSync } from "../support/child-processes.ts";
import { sightline } from "../support/daemon-process.ts";
import { Root, type Suite } from "./roots.ts";

/** `arm64` or `amd64`; the other one than this machine's is emulated. */
const ARCH = process.env.SIGHTLINE_DEPLOY_ARCH === "arm64" ? "arm64" : "amd64";
/** Two versions of one build; what a release wrote is held by test/contract/releases.test.ts. */
const [OLD, NEW] = ["0.0.9", "0.1.0"];
const EPOCH_S = 1_700_000_000;

const work = await mkdtemp(join(tmpdir(), "sightline-package-"));
const deb = (version: string) => join(work, `sightline_${version}_${ARCH}.deb`);
const tree = join(work, "tree");
afterAll(() => rm(work, { recursive: true }));

async function build(version: string, file: string): Promise<void> {
  await rm(tree, { recursive: true, force: true });
  await writeTree(tree, ARCH, version);
  await packDeb(tree, file, { arch: ARCH, epochS: EPOCH_S, version });
}

const digest = async (file: string) =>
  createHash("sha256")
    .update(await readFile(file))
    .digest("hex");

beforeAll(async () => {
  await build(OLD, deb(OLD));
  await build(NEW, deb(NEW));
});

test("the same sources give the same bytes", async () => {
  const again = join(work, "again.deb");
  await build(NEW, again);
  expect(await digest(again)).toBe(await digest(deb(NEW)));
});

test("every native file runs on the oldest system that the package names", async () => {
  const files = (await filesBelow(tree)).filter((path) => /\.node$|\.so[.\d]*$|bin\/node$/.test(path));
  expect(files.length).toBeGreaterThan(5);
  const tooNew = files.flatMap((path) =>
    dynamicSymbols(join(tree, path)).flatMap(({ isDefined, name, version = "" }) => {
      const [library = "", number = ""] = version.split("_");
      const oldest = OLDEST[library as keyof typeof OLDEST];
      return !isDefined && oldest && isNewer(number, oldest) ? [`${path}: ${name} ${version}`] : [];
    }),
  );
  expect(tooNew).toEqual([]);
});

/** systemd-analyze of this machine looks at the tree: it wants to see the programs and targets that units name. */
test("the units are clean, and expose little", async () => {
  const root = await Root.unpack("trixie", ARCH);
  try {
    await root.sh(`dpkg -i ${await root.put(deb(NEW))}`);
    const template = (await root.sh("cat /usr/lib/systemd/system/sightline@.service")).text;
    expect(template).not.toMatch(/sightline\.yaml|^(User|\w+Directory)=.*sightline$|:sightline\./m);
    for (const unit of ["sightline.service", "sightline@top.service"]) {
      const verified = await root.sh(`systemd-analyze verify --man=no ${unit}`);
      expect(verified).toEqual({ code: 0, text: "" });
      const { code, text } = await root.sh(`systemd-analyze security --offline=true --threshold=15 ${unit}`);
      expect(code, text).toBe(0);
      expect(text).toMatch(/Overall exposure level for .*: (0\.\d|1\.[0-5]) /);
    }
  } finally {
    await root.remove();
  }
});

test("Debian 11 refuses it by its dependencies", async () => {
  const root = await Root.unpack("bullseye", ARCH);
  try {
    const { code, text } = await root.sh(`dpkg -i ${await root.put(deb(NEW))}`);
    expect(code).not.toBe(0);
    expect(text).toMatch(/sightline depends on libc6 \(>= 2\.34\); however:\s+Version of libc6.* is 2\.31-/);
    expect((await root.sh("dpkg-query -W -f '${Status}' sightline")).text).not.toContain("ok installed");
  } finally {
    await root.remove();
  }
});

describe.each<Suite>(["bookworm", "trixie"])("in a bare %s without network", (suite) => {
  let root: Root;
  beforeAll(async () => {
    root = await Root.unpack(suite, ARCH);
    for (const version of [OLD, NEW]) await root.put(deb(version));
  });
  afterAll(() => root.remove());

  const install = (version: string) => root.sh(`dpkg -i /root/sightline_${version}_${ARCH}.deb`);
  const asService = (command: string) =>
    root.sh(`setpriv --reuid sightline --regid sightline --init-groups --no-new-privs ${command}`);

  test("it installs, and the command and the unit are there", async () => {
    const { code, text } = await install(OLD);
    expect(code, text).toBe(0);
    expect(await root.sh("sightline version")).toEqual({ code: 0, text: `${OLD}\n` });
    expect(await root.sh("systemctl is-enabled sightline.service")).toEqual({ code: 0, text: "enabled\n" });
    expect((await root.sh("id -nG sightline")).text).toBe("sightline video\n");
    expect((await root.sh("sightline check /etc/sightline/sightline.yaml")).text).toContain("is valid");
    const { text: size } = await root.sh("du -sm /usr/lib/sightline");
    console.log(`${suite}: ${size.trim()} MB installed`);
    expect(Number.parseInt(size, 10)).toBeLessThanOrEqual(260);
  });

  test("its verdicts are those of the sources", async () => {
    const samples = "/usr/lib/sightline/app/models/zoo/pcb-aoi/samples/images";
    const there = await root.sh(`cd ${samples} && sightline infer --json --model pcb-aoi $(ls | head -12)`);
    const here = await sightline("infer", "--json", "--model", "pcb-aoi", ...sampleFiles(tree, samples));
    expect(there.code, there.text).toBe(0);
    expect(withoutTimes(there.text)).toEqual(withoutTimes(here.stdout));
    expect(withoutTimes(there.text).length).toBe(12);
  });

  test("an upgrade keeps results, brings the configuration up to date and keeps the old one; so does a downgrade", async () => {
    await root.sh("install -d -o sightline -g sightline /var/lib/sightline");
    await root.sh(`cat > /etc/sightline/sightline.yaml <<'END'
version: 1
device: {id: tried}
mqtt: {url: "mqtt://127.0.0.1:1"}
models: {pcb: {bundle: /usr/lib/sightline/app/models/zoo/pcb-aoi}}
cameras: {top: {source: replay, path: /usr/lib/sightline/app/models/zoo/pcb-aoi/samples/images, fps: max, repeat: once}}
pipelines:
  board:
    camera: top
    stages:
      - {stage: detect, model: pcb}
      - {stage: own, name: pass}   # ours
      - {stage: rules, rules: [{verdict: fail}]}
store: {path: /var/lib/sightline/data}
stages_folder: /etc/sightline/stages
END
mkdir -p /etc/sightline/stages
printf 'export default () => ({ kind: "looking", look: async () => {} });\\n' > /etc/sightline/stages/pass.ts`);
    const judged = async (): Promise<number> => {
      const { code, text } = await asService("sightline run --config /etc/sightline/sightline.yaml");
      expect(code, text).toBe(0);
      const count = `const { DatabaseSync } = require("node:sqlite");
        console.log(new DatabaseSync("/var/lib/sightline/data/results.db").prepare("SELECT count(*) n FROM result").get().n)`;
      return Number(
        (await root.sh(`/usr/lib/sightline/bin/node -e '${count}'`)).text.trim().split("\n").at(-1),
      );
    };
    const first = await judged();
    expect(first).toBeGreaterThanOrEqual(10);
    const upgraded = await install(NEW);
    expect(upgraded.code, upgraded.text).toBe(0);
    expect((await root.sh("sightline version")).text).toBe(`${NEW}\n`);
    const config = (await root.sh("cat /etc/sightline/sightline.yaml")).text;
    expect(config).toContain("- {stage: custom, name: pass}   # ours");
    expect((await root.sh("cat /etc/sightline/sightline.yaml.bak")).text).toContain("stage: own");
    expect(await judged()).toBe(2 * first);
    const downgraded = await install(OLD);
    expect(downgraded.code, downgraded.text).toBe(0);
    expect(await judged()).toBe(3 * first);
  });

  test("removal keeps the configuration and results, purge does not", async () => {
    expect((await root.sh("dpkg -r sightline")).code).toBe(0);
    expect((await root.sh("ls /etc/sightline /var/lib/sightline/data")).text).toContain("results.db");
    expect((await root.sh("dpkg -P sightline")).code).toBe(0);
    const { text } = await root.sh(
      "find / -xdev -path /proc -prune -o -path /etc/sightline -prune -o -iname '*sightline*' -print | grep -v '^/root/\\|/var/log\\|^/tmp'",
    );
    expect(text).toBe("");
  });
});

const sampleFiles = (from: string, samples: string): string[] => {
  const folder = join(from, samples);
  return runSync("ls", [folder])
    .trim()
    .split("\n")
    .slice(0, 12)
    .map((name) => join(folder, name));
};

/** A record a picture, without what differs between any two runs. */
const withoutTimes = (text: string): unknown[] =>
  text
    .trim()
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => {
      const { detections, verdict } = JSON.parse(line) as { detections: unknown; verdict: unknown };
      return { detections, verdict };
    });
