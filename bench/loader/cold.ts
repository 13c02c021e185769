import { type ChildProcess, spawn } from "node:child_process";
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
const PSS_MB = 80;
const RESULTS = 20;
const SUBJECT = { name: "mobilenet_v2", side: 224 };

/** MobileNetV2: from the start of the process to its first result, and what the process takes once it runs. */
export async function coldStart(rounds: number): Promise<Result[]> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-bench-"));
  const broker = await EmbeddedBroker.listen(0);
  try {
    const results: Results = { tell: () => {} };
    broker.onMessage((topic) => {
      if (topic.endsWith("/result")) results.tell();
    });
    const files = await writeModels(folder);
    const made = { fp32: [] as Started[], int8: [] as Started[], plain: [] as Started[] };
    for (let i = 0; i <= rounds; i++) {
      for (const kind of ["fp32", "int8"] as const) {
        const ours = await daemon({ port: broker.port, results }, folder, kind);
        // The first start of all makes the model ready for this machine.
        if (i > 0) made[kind].push(ours);
      }
      if (i > 0) made.plain.push(await plain(files.plain));
    }
    return rows(made);
  } finally {
    await broker.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** Who is told of each result that reaches the broker. */
interface Results {
  tell(): void;
}

interface Started {
  firstMs: number;
  pssMb: number;
}

function rows(made: Record<"fp32" | "int8" | "plain", Started[]>): Result[] {
  const of = (kind: keyof typeof made, key: keyof Started) => median(made[kind].map((each) => each[key]));
  const firstMs = of("plain", "firstMs");
  const plainMb = of("plain", "pssMb");
  return [
    share("mobilenet_v2, start to first result", "ms", [of("fp32", "firstMs"), firstMs], 1),
    share("mobilenet_v2 int8, start to first result", "ms", [of("int8", "firstMs"), firstMs], 1),
    share("mobilenet_v2: PSS of the daemon", "MB", [of("fp32", "pssMb"), plainMb], 1),
    cost(
      `mobilenet_v2 int8: PSS of the daemon (plain, float: ${plainMb.toFixed(0)} MB)`,
      "MB",
      of("int8", "pssMb"),
      PSS_MB,
    ),
  ];
}

async function writeModels(folder: string): Promise<{ plain: string }> {
  const provider = new CpuExecutionProvider({ slots: 2, intraOpThreads: 1 });
  provider.start();
  const { calibration, float } = await openSubject(provider, "mobilenet_v2");
  const model = withOutput(float, "probs");
  const int8 = await quantized(provider, model, calibration[0] ?? {});
  await provider.close();
  await writeClassifier(join(folder, "fp32"), model, SUBJECT);
  await writeClassifier(join(folder, "int8"), int8, SUBJECT);
  const plain = join(folder, "plain.onnx");
  await writeFile(plain, encodeModel(model));
  return { plain };
}

async function daemon(
  { port, results }: { port: number; results: Results },
  folder: string,
  kind: string,
): Promise<Started> {
  const file = join(folder, `${kind}.yaml`);
  const config = {
    version: 1,
    device: { id: "bench" },
    mqtt: { url: `mqtt://127.0.0.1:${port}` },
    models: { classes: { bundle: join(folder, kind) } },
    cameras: { boards: { source: "replay", path: SAMPLES, fps: 10 } },
    pipelines: { boards: { camera: "boards", model: "classes" } },
    store: { path: join(folder, `${kind}-data`) },
    log: { level: "warn" },
  };
  await writeFile(file, stringify(config));
  return started([here("../../cli/sightline.mjs"), "run", "--config", file], (tell) => {
    results.tell = tell;
  });
}

const plain = (model: string): Promise<Started> =>
  started([here("plain-first.ts"), model, SAMPLES], (tell, child) => child.stdout?.on("data", tell));

/** Runs until the process has told of enough results. */
async function started(
  args: string[],
  listen: (tell: () => void, child: ChildProcess) => void,
): Promise<Started> {
  const begunMs = performance.now();
  const child = spawn(process.execPath, args, {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ORT_DISABLE_TELEMETRY: "1" },
  });
  const ended = once(child, "exit");
  let [firstMs, told] = [0, 0];
  await Promise.race([
    new Promise<void>((resolve) => {
      listen(() => {
        if (told++ === 0) firstMs = performance.now() - begunMs;
        if (told === RESULTS) resolve();
      }, child);
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
