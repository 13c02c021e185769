import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm, rmdir } from "node:fs/promises";
import { createConnection } from "node:net";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import type { Config } from "../../config/schema/schema.ts";
import { openBundle } from "../../models/bundle/bundle.ts";
import { machineTargets } from "../../models/bundle/targets.ts";
import { systemClock as clock } from "../../runtime/base/clock.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { formatBytes } from "../../runtime/base/units.ts";
import type { ModelMemory } from "../../runtime/loader/model-status.ts";
import { cpuFeatures, openKernels } from "../../runtime/native/index.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { openSource, type SourceSettings } from "../../services/camera/open-source.ts";
import { type CameraEvent, isSupervised } from "../../services/camera/report.ts";
import { request } from "../../services/health/control-socket.ts";
import { readDevice, readDisk } from "../../services/health/device.ts";
import { budgetProblems } from "../model-budget.ts";
import { type CommandContext, parseVerbArgs, requirePositionals, type Verb } from "../verb.ts";

/** The result of one check: `bad` stops Sightline from working, `warn` limits what it can do. */
interface Finding {
  level: "ok" | "warn" | "bad";
  about: string;
  found: string;
  hint?: string;
}

const CONNECT_LIMIT_MS = 2_000;
const FRAME_LIMIT_MS = 10_000;
const DISK_FREE_MIN_BYTES = 512 * 2 ** 20;

/** Checks the machine and, given a configuration, what that needs. Exit code 1 if a finding is `bad`. */
export const doctor: Verb = {
  name: "doctor",
  summary: "check this machine for missing tools, devices and settings",
  usage: "doctor [--config FILE] [--json]",
  async run(args, context) {
    const { positionals, values } = parseVerbArgs(doctor, args, {
      config: { type: "string", short: "c" },
      json: { type: "boolean", default: false },
    });
    requirePositionals(doctor, [], positionals);
    const config = values.config
      ? loadConfig(resolve(context.cwd, values.config), { env: context.env })
      : undefined;
    const findings = [...(await checkMachine(context, config)), ...(config ? await checkConfig(config) : [])];
    for (const finding of findings) context.out(values.json ? JSON.stringify(finding) : line(finding));
    return findings.some((f) => f.level === "bad") ? 1 : 0;
  },
};

const line = ({ level, about, found, hint }: Finding): string =>
  `${level.padEnd(5)} ${about.padEnd(20)} ${found}${hint ? `\n${" ".repeat(27)}${hint}` : ""}`;

async function checkMachine(context: CommandContext, config: Config | undefined): Promise<Finding[]> {
  const device = await readDevice();
  return [
    ok("board", `${device.model ?? "unknown"}, ${device.cpus} cores, ${formatBytes(device.memory_bytes)}`),
    await attempt("cpu features", async () => cpuFeatures().join(" ") || "none that the kernels use"),
    await attempt("kernels", async () => checkKernels(config?.engine.kernels)),
    await attempt("execution provider", () => checkEngine(config?.engine.library)),
    await checkDisk(context.cwd),
    await checkVideo(),
    checkTool(context, "gst-launch-1.0", "gstreamer1.0-tools"),
  ];
}

async function checkConfig(config: Config): Promise<Finding[]> {
  return [
    ...(await Promise.all(
      Object.entries(config.models).map(([name, { bundle, variant: wanted }]) =>
        attempt(`model ${name}`, async () => {
          const targets = machineTargets(process.arch, cpuFeatures());
          const { manifest, variant } = await openBundle(bundle, { targets, variant: wanted });
          return `${manifest.name} ${manifest.version}, variant ${variant.name}`;
        }),
      ),
    )),
    ...(await Promise.all(
      Object.entries(config.cameras).map(([id, options]) =>
        attempt(`camera ${id}`, async () =>
          options.source === "http" || options.source === "mqtt"
            ? `waits for frames by ${options.source}`
            : firstFrame(id, options),
        ),
      ),
    )),
    ...(await checkMemory(config)),
    await attempt("mqtt broker", () => connectTo(new URL(config.mqtt.url))),
    await checkDisk(config.store.path),
  ];
}

const ok = (about: string, found: string): Finding => ({ level: "ok", about, found });

/** Models that cannot fit, and the memory that models take in the running daemon. */
async function checkMemory(config: Config): Promise<Finding[]> {
  const wrong = (await budgetProblems(config)).map(({ hint, message }): Finding => {
    return { level: "bad", about: "model memory", found: message, hint };
  });
  return [...wrong, ...(await memoryInUse(config.store.path))];
}

async function memoryInUse(folder: string): Promise<Finding[]> {
  try {
    const { memory } = (await request(folder, "models")) as { memory: ModelMemory };
    const weights = `weights ${formatBytes(memory.resident_bytes)} of ${formatBytes(memory.budget_bytes)}`;
    const peak = `tensors ${formatBytes(memory.activation_peak_bytes)} of ${formatBytes(memory.activation_budget_bytes)} at most`;
    const unused = `${Math.round(100 * memory.fragmentation)} % of ${formatBytes(memory.held_bytes)} held unused`;
    return [ok("model memory", `${weights}, ${peak}, ${unused}`)];
  } catch {
    // No daemon is running with this configuration.
    return [];
  }
}

async function attempt(about: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return ok(about, await look());
  } catch (error) {
    const { code, hint, message } = SightlineError.wrap("ERR_USAGE", error).toRecord();
    return { level: "bad", about, found: `${code}: ${message}`, hint };
  }
}

/** `preprocess avx2, …`, in the order in which a frame meets the kernels. */
function checkKernels(choice: Config["engine"]["kernels"] | undefined): string {
  const chosen = openKernels(choice === "generic" ? [] : undefined).chosen();
  return Object.entries(chosen)
    .map(([kernel, variant]) => `${kernel} ${variant}`)
    .join(", ");
}

async function checkEngine(library: string | undefined): Promise<string> {
  const provider = new CpuExecutionProvider({ slots: 1, intraOpThreads: 1, library });
  try {
    provider.start();
    return `${provider.name}, ONNX Runtime ${provider.runtimeVersion}`;
  } finally {
    await provider.close();
  }
}

async function checkDisk(path: string): Promise<Finding> {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  const about = `disk ${path}`;
  const disk = await readDisk(folder);
  if (!disk || !(await isWritable(folder))) {
    return {
      level: "bad",
      about,
      found: "not writable",
      hint: "Change the owner of the folder, or choose another `store.path`.",
    };
  }
  const found = `${formatBytes(disk.free_bytes)} free of ${formatBytes(disk.total_bytes)}`;
  if (disk.free_bytes >= DISK_FREE_MIN_BYTES) return ok(about, found);
  return {
    level: "warn",
    about,
    found,
    hint: "Free some space: results wait here while the broker is away.",
  };
}

/** Creates a folder to find out: permissions do not apply to root, and do not show a read-only file system. */
async function isWritable(folder: string): Promise<boolean> {
  try {
    await rmdir(await mkdtemp(join(folder, ".sightline-")));
    return true;
  } catch {
    return false;
  }
}

async function checkVideo(): Promise<Finding> {
  const names = await readdir("/dev").catch(() => [] as string[]);
  const videos = names.filter((name) => /^video\d+$/.test(name)).map((name) => `/dev/${name}`);
  if (videos.length > 0) return ok("video devices", videos.join(" "));
  const hint = "Connect a camera, or replay pictures with `source: replay`.";
  return { level: "warn", about: "video devices", found: "none", hint };
}

function checkTool(context: CommandContext, command: string, debianPackage: string): Finding {
  const folder = (context.env.PATH ?? "").split(delimiter).find((f) => existsSync(join(f, command)));
  if (folder) return ok(command, join(folder, command));
  return { level: "warn", about: command, found: "missing", hint: `sudo apt-get install ${debianPackage}` };
}

/** Describes the first frame that the camera delivers. Errors: the reason why it delivers none. */
async function firstFrame(camera: string, settings: SourceSettings): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-doctor-"));
  const done = new AbortController();
  const { signal } = done;
  let isSilent = false;
  const timer = setTimeout(() => {
    isSilent = settings.source !== "replay" && settings.mode === "triggered";
    done.abort();
  }, FRAME_LIMIT_MS);
  let failure: unknown = new SightlineError(
    "ERR_CAMERA_STALLED",
    `no picture within ${FRAME_LIMIT_MS / 1000} s`,
  );
  try {
    const source = openSource({ clock }, { camera, folder, blocks: 1 }, settings);
    if (isSupervised(source)) {
      const onEvent = (event: CameraEvent) => {
        if (event.type !== "failure") return;
        failure = SightlineError.from(event.error);
        done.abort();
      };
      source.listen({ onStatus: () => {}, onStale: () => {}, onEvent });
    }
    for await (const { lost, origin, picture, release } of source.frames(signal)) {
      release();
      if (lost) throw lost;
      const size =
        picture.encoding === "raw" ? `${picture.width}×${picture.height} ${picture.format}` : "encoded";
      return `first picture ${origin ?? size}`;
    }
    if (isSilent) return "its process is running and waits for a trigger";
    throw failure;
  } finally {
    clearTimeout(timer);
    await rm(folder, { recursive: true, force: true });
  }
}

function connectTo(url: URL): Promise<string> {
  const port = Number(url.port) || (url.protocol === "mqtts:" ? 8883 : 1883);
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      socket.destroy();
      reject(new SightlineError("ERR_MQTT_UNREACHABLE", `${url.hostname}:${port}: ${reason}`));
    };
    // A URL has an IPv6 address in brackets; a socket needs it without them.
    const host = url.hostname.replace(/^\[|\]$/g, "");
    const socket = createConnection({ host, port, timeout: CONNECT_LIMIT_MS });
    socket.on("connect", () => {
      socket.destroy();
      resolve(`${url.hostname}:${port} accepts connections`);
    });
    socket.on("timeout", () => fail("no answer"));
    socket.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
  });
}
