import { readdirSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { stringify } from "yaml";
import { Machine } from "../../deploy/machine/machine.ts";
import { packDeb } from "../../deploy/package/deb.ts";
import { writeTree } from "../../deploy/package/tree.ts";
import { SAMPLES, sightline } from "../support/daemon-process.ts";

/** `arm64` or `amd64`; see docs/hacking.md. */
const ARCH = process.env.SIGHTLINE_DEPLOY_ARCH === "arm64" ? "arm64" : "amd64";
const CPU = process.env.SIGHTLINE_DEPLOY_CPU;
const ZOO = "/usr/lib/sightline/app/models/zoo/pcb-aoi";
const POWER_CUTS = 5;
/** A frame takes seconds in the machine. */
const FRAMES = 10;

const work = await mkdtemp(join(tmpdir(), "sightline-machine-test-"));
let machine: Machine;

beforeAll(async () => {
  machine = await Machine.boot({ arch: ARCH, cpu: CPU });
  console.log(`emulated ${ARCH}, -cpu ${machine.cpu}: no time here is that of a board`);
});
afterEach(async ({ task }) => {
  if (task.result?.state !== "fail") return;
  const { stdout } = await machine.run("journalctl -u sightline -n 30 -o cat --no-pager", 60_000);
  console.log(`console of the machine:\n${await machine.console()}\njournal of the service:\n${stdout}`);
});
afterAll(async () => {
  await machine?.stop();
  await rm(work, { recursive: true });
});

describe("the machine", () => {
  test("gives back output and exit status, and ends what does not end", async () => {
    expect(await machine.run("echo out; echo err >&2; exit 7")).toEqual({
      code: 7,
      stdout: "out\n",
      stderr: "err\n",
    });
    await expect(machine.run("sleep infinity", 1_000)).rejects.toThrow("not within 1 s");
  });

  test("takes files and gives them back", async () => {
    await writeFile(join(work, "note"), "to and fro");
    const there = await machine.push(join(work, "note"));
    await machine.pull(there, join(work, "back"));
    expect(await readFile(join(work, "back"), "utf8")).toBe("to and fro");
  });

  test("runs a kernel with what the tests need", async () => {
    const release = (await machine.ok("uname -r")).trim();
    expect(Number.parseFloat(release)).toBeGreaterThanOrEqual(7.3);
    await machine.ok("modprobe -a gpio-sim vivid sch_netem dm-flakey dm-log-writes");
    expect(await machine.ok("stat -fc %T /sys/fs/cgroup")).toBe("cgroup2fs\n");
    expect(await machine.ok("udevadm settle; ls /dev/video0")).toBe("/dev/video0\n");
    await machine.ok(
      "ip netns add n && ip netns exec n tc qdisc add dev lo root netem delay 10ms && ip netns del n",
    );
  });

  test("kills what takes more than its control group may", async () => {
    const { code } = await machine.run(
      "systemd-run --wait --quiet -u eater -p MemoryMax=20M -p MemorySwapMax=0 tail /dev/zero",
    );
    expect(code).not.toBe(0);
    expect(await machine.ok("systemctl show -p Result --value eater.service")).toBe("oom-kill\n");
    await machine.ok("systemctl reset-failed");
  });

  test("has GPIO lines that can be set and read", async () => {
    await machine.ok(`d=/sys/kernel/config/gpio-sim/tried
      mkdir -p $d/bank0 && echo 8 > $d/bank0/num_lines && echo 1 > $d/live
      cat $d/bank0/chip_name > /tmp/chip`);
    const pull = (value: string) =>
      machine.ok(`echo pull-${value} > /sys/devices/platform/$(cat /sys/kernel/config/gpio-sim/tried/dev_name)/$(cat /tmp/chip)/sim_gpio3/pull
        gpioget --numeric -c $(cat /tmp/chip) 3`);
    expect(await pull("up")).toBe("1\n");
    expect(await pull("down")).toBe("0\n");
  });
});

/** A configuration of the service; results go to the broker in the machine. */
const config = (cameras: object, pipelines: object) => ({
  version: 1,
  device: { id: "tried" },
  mqtt: { url: "mqtt://127.0.0.1:1883" },
  // A run takes seconds here, and would be given up as one that hangs.
  engine: { run_limit: "10m" },
  models: { pcb: { bundle: ZOO } },
  cameras,
  pipelines,
  store: { path: "/var/lib/sightline/data" },
});

async function configure(content: object): Promise<void> {
  await writeFile(join(work, "sightline.yaml"), stringify(content));
  await machine.ok(`cp ${await machine.push(join(work, "sightline.yaml"))} /etc/sightline/sightline.yaml`);
}

const show = async (property: string): Promise<string> =>
  (await machine.ok(`systemctl show -p ${property} --value sightline.service`)).trim();

/** SQLite's own view of what is stored. */
async function stored(): Promise<{ count: number; last: number }> {
  const script = `const { DatabaseSync } = require("node:sqlite");
    const db = new DatabaseSync("/var/lib/sightline/data/results.db", { readOnly: true, timeout: 60000 });
    console.log(JSON.stringify(db.prepare("SELECT count(*) AS count, max(seq) AS last FROM result").get()))`;
  return JSON.parse(await machine.ok(`/usr/lib/sightline/bin/node --no-warnings -e '${script}'`));
}

describe("the service", () => {
  beforeAll(async () => {
    const version = "0.1.0";
    const tree = join(work, "tree");
    const file = join(work, `sightline_${version}_${ARCH}.deb`);
    await writeTree(tree, ARCH, version);
    await packDeb(tree, file, { arch: ARCH, epochS: 1_700_000_000, version });
    const there = await machine.push(file);
    await machine.ok("systemctl start mosquitto");
    await machine.ok(`DEBIAN_FRONTEND=noninteractive dpkg -i ${there} 2>&1`);
  });

  test("is ready when installed, and systemd says so", async () => {
    expect(await show("ActiveState")).toBe("active");
    expect(await show("Type")).toBe("notify");
    expect(await machine.ok("sightline health --config /etc/sightline/sightline.yaml; echo $?")).toMatch(
      /\n0\n$/,
    );
  });

  test("its verdicts are those of the host", async () => {
    const names = readdirSync(SAMPLES).sort().slice(0, FRAMES);
    const { stdout } = await sightline(
      "infer",
      "--json",
      "--model",
      "pcb-aoi",
      ...names.map((name) => join(SAMPLES, name)),
    );
    const here = stdout
      .trim()
      .split("\n")
      .map((line) => labelsOf(JSON.parse(line)));
    await machine.ok("systemctl stop sightline; rm -rf /var/lib/sightline/data");
    const replay = {
      source: "replay",
      files: names.map((name) => `${ZOO}/samples/images/${name}`),
      fps: "max",
      repeat: "once",
      mode: "triggered",
    };
    await configure(config({ top: replay }, { board: { camera: "top", model: "pcb", min_score: 0.3 } }));
    const [seen] = await Promise.all([
      machine.ok(
        `timeout 600 mosquitto_sub -t 'sightline/tried/pipeline/board/result' -C ${FRAMES}`,
        700_000,
      ),
      machine.ok("systemctl start sightline"),
    ]);
    const there = seen
      .trim()
      .split("\n")
      .map((line) => labelsOf(JSON.parse(line)));
    expect(there).toEqual(here);
  });

  test("a camera is judged, lost when it is unplugged, and found again", async () => {
    const camera = { source: "gst", preset: "usb", device: "/dev/video0", width: 320, height: 180, fps: 5 };
    await configure(config({ top: camera }, { board: { camera: "top", model: "pcb" } }));
    await machine.ok("systemctl restart sightline", 900_000);
    const status = (wanted: string) =>
      machine.ok(
        `timeout 300 sh -c "until mosquitto_sub -C 1 -t sightline/tried/camera/top/status | grep -q '${wanted}'; do sleep 0.2; done"`,
        400_000,
      );
    await status("online");
    await machine.ok("timeout 300 mosquitto_sub -t sightline/tried/pipeline/board/result -C 3", 400_000);
    await machine.ok("echo vivid.0 > /sys/bus/platform/drivers/vivid/unbind");
    await status("offline\\|stalled");
    await machine.ok("echo vivid.0 > /sys/bus/platform/drivers/vivid/bind; udevadm settle");
    await status("online");
    await machine.ok("timeout 300 mosquitto_sub -t sightline/tried/pipeline/board/result -C 3", 400_000);
  });

  test("a process that was killed, or whose main loop stands still, is started again", async () => {
    await machine.ok("mkdir -p /run/systemd/system/sightline.service.d");
    await machine.ok(
      "printf '[Service]\\nWatchdogSec=10\\n' > /run/systemd/system/sightline.service.d/quick.conf; systemctl daemon-reload; systemctl restart sightline",
    );
    const again = async (harm: string) => {
      const [pid, restarts] = [await show("MainPID"), Number(await show("NRestarts"))];
      await machine.ok(`kill -${harm} ${pid}`);
      await machine.ok(
        `timeout 300 sh -c 'until [ "$(systemctl show -p NRestarts --value sightline)" -gt ${restarts} ] && systemctl -q is-active sightline; do sleep 0.2; done'`,
        400_000,
      );
      expect(await show("MainPID")).not.toBe(pid);
    };
    await again("KILL");
    await again("STOP");
    expect(await machine.ok("journalctl -u sightline -o cat | grep -c 'Watchdog timeout'")).not.toBe("0\n");
  });

  test(`after ${POWER_CUTS} power cuts while it writes it runs again, and no stored result is lost`, async () => {
    await machine.ok("systemctl stop sightline; rm -rf /var/lib/sightline/data");
    const replay = { source: "replay", path: `${ZOO}/samples/images`, fps: "max", repeat: "loop" };
    await configure(config({ top: replay }, { board: { camera: "top", model: "pcb" } }));
    await machine.ok("sync; systemctl start sightline");
    for (let cut = 0; cut < POWER_CUTS; cut++) {
      await machine.ok("timeout 300 mosquitto_sub -t sightline/tried/pipeline/board/result -C 3", 400_000);
      const before = await stored();
      await machine.powerCut();
      await machine.start();
      await machine.ok("systemctl start mosquitto; systemctl start sightline", 900_000);
      const after = await stored();
      expect(after.last).toBeGreaterThanOrEqual(before.last);
      console.log(`power cut ${cut + 1}: ${before.last} results before it, ${after.last} after it`);
    }
    // A damaged store would have been set aside.
    expect(await machine.ok("ls /var/lib/sightline/data")).not.toContain("corrupt");
  });
});

/** What must be the same on every CPU: the verdict and the labels; scores may differ in their last digits. */
const labelsOf = ({ detections, verdict }: { verdict: string; detections: { label: string }[] }) => ({
  verdict,
  labels: detections.map(({ label }) => label),
});
