import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { stringify } from "yaml";
import { EmbeddedBroker } from "../../cli/embedded-broker.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { quantized } from "../../test/support/quantized.ts";
import { cost, median, type Result } from "../bench.ts";
import { openSubject } from "../models/subjects.ts";
import { withOutput, writeClassifier } from "../serving/subjects.ts";
import { SAMPLES } from "../watched-process.ts";
import { share } from "./big.ts";
import { readMemory } from "./memory.ts";

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const SOURCES: readonly string[] = [process.execPath, here("../../cli/sightline.mjs")];
const PSS_MB = 80;
/** Of the plain way's time, which has nothing to make ready. */
const FIRST_SHARE = 2;
const RESULTS = 20;
const SUBJECT = { name: "mobilenet_v2", side: 224 };

/**
 * MobileNetV2: from the start of the process until its first result reaches the broker, and what the process takes once it
 * runs. Both sides are a Node that loads TypeScript, open the same model for one thread, decode the same pictures with sharp
 * and publish with QoS 1. The daemon has made its models ready in an earlier start, as on a device; its very first start,
 * which does that too, has a row of its own.
 */
export async function coldStart(
  rounds: number,
  { sightline = SOURCES, startShare = 1 } = {},
): Promise<Result[]> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-bench-"));
  const broker = await EmbeddedBroker.listen(0);
  try {
    const results: Results = { tell: () => {} };
    broker.onMessage((topic) => {
      if (topic.endsWith("/result")) results.tell();
    });
    await writeModels(folder);
    const to = { port: broker.port, results, folder, sightline };
    const made = Object.fromEntries(KINDS.map((kind) => [kind, noStarts()])) as Record<Kind, Starts>;
    for (let i = 0; i < rounds; i++) {
      for (const kind of KINDS) {
        made[kind].first.push(await daemon(to, kind, `data-${i}`));
        made[kind].ours.push(await daemon(to, kind, `data-${i}`));
        made[kind].plain.push(await plain(to, kind));
      }
    }
    return KINDS.flatMap((kind) => rows(kind, made[kind], startShare));
  } finally {
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  }
}

const KINDS = ["fp32", "int8"] as const;
type Kind = (typeof KINDS)[number];

/** Where results go, and whom each tells that reaches the broker. */
interface To {
  /** The command to measure: a program and its first arguments. */
  sightline: readonly string[];
  port: number;
  folder: string;
  results: Results;
}

interface Results {
  tell(): void;
}

interface Started {
  firstMs: number;
  pssMb: number;
}

/** `first`: with nothing made ready. */
type Starts = Record<"first" | "ours" | "plain", Started[]>;

const noStarts = (): Starts => ({ first: [], ours: [], plain: [] });

function rows(kind: Kind, made: Starts, startShare: number): Result[] {
  const of = (whose: keyof Starts, key: keyof Started) => median(made[whose].map((each) => each[key]));
  const name = kind === "int8" ? "mobilenet_v2 int8" : "mobilenet_v2";
  const [plainMs, plainMb, pssMb] = [of("plain", "firstMs"), of("plain", "pssMb"), of("ours", "pssMb")];
  return [
    share(`${name}, start to first result`, "ms", [of("ours", "firstMs"), plainMs], startShare),
    share(
      `${name}, the very first start to first result`,
      "ms",
      [of("first", "firstMs"), plainMs],
      FIRST_SHARE,
    ),
    share(`${name}: PSS of the process`, "MB", [pssMb, plainMb], 1),
    ...(kind === "int8" ? [cost(`${name}: PSS of the daemon`, "MB", pssMb, PSS_MB)] : []),
  ];
}

async function writeModels(folder: string): Promise<void> {
  const provider = new CpuExecutionProvider({ slots: 2, intraOpThreads: 1 });
  provider.start();
  const { calibration, float } = await openSubject(provider, "mobilenet_v2");
  const model = withOutput(float, "probs");
  const int8 = await quantized(provider, model, calibration[0] ?? {});
  await provider.close();
  await writeClassifier(join(folder, "fp32"), model, SUBJECT);
  await writeClassifier(join(folder, "int8"), int8, SUBJECT);
  await writeFile(join(folder, "fp32.onnx"), encodeModel(model));
  await writeFile(join(folder, "int8.onnx"), encodeModel(int8));
}

async function daemon({ folder, port, results, sightline }: To, kind: Kind, data: string): Promise<Started> {
  const file = join(folder, `${kind}.yaml`);
  const config = {
    version: 1,
    device: { id: "bench" },
    mqtt: { url: `mqtt://127.0.0.1:${port}` },
    engine: { slots: 1 },
    models: { classes: { bundle: join(folder, kind) } },
    cameras: { boards: { source: "replay", path: SAMPLES, fps: 10 } },
    pipelines: { boards: { camera: "boards", model: "classes" } },
    store: { path: join(folder, `${kind}-${data}`) },
    log: { level: "warn" },
  };
  await writeFile(file, stringify(config));
  return started([...sightline, "run", "--config", file], results);
}

const plain = ({ folder, port, results }: To, kind: Kind): Promise<Started> =>
  started(
    [process.execPath, here("plain-first.ts"), String(port), join(folder, `${kind}.onnx`), SAMPLES],
    results,
  );

/** Runs until the process has told of enough results. */
async function started([file = "", ...args]: readonly string[], results: Results): Promise<Started> {
  const begunMs = performance.now();
  const child = spawn(file, args, {
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
  });
  const ended = once(child, "exit");
  let [firstMs, told] = [0, 0];
  await Promise.race([
    new Promise<void>((resolve) => {
      results.tell = () => {
        if (told++ === 0) firstMs = performance.now() - begunMs;
        if (told === RESULTS) resolve();
      };
    }),
    ended.then(([code]) => {
      throw new Error(`${args[0]} ended with ${code}`);
    }),
  ]);
  const { pssBytes } = readMemory(child.pid);
  child.kill("SIGTERM");
  await ended;
  return { firstMs, pssMb: pssBytes / 1e6 };
}
