import { glob, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withNumberedNodes } from "../../models/onnx/derive.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../models/onnx/read-model.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";

/** What ONNX Runtime makes of a model when it fuses operators. */
export interface Fusion {
  /** Tensors that are still there: no fused operator spans them. */
  tensors: ReadonlySet<string>;
  /** Median time of the operator that makes a tensor, in microseconds. */
  durationUs: ReadonlyMap<string, number>;
}

const RUNS = 5;

/**
 * Loads the model with the optimisations that every machine has ("extended"), runs it a few times and reads both the
 * graph that ONNX Runtime saved and its profile. At "all" convolutions would get layouts of this CPU's own and lose
 * the names of their tensors; at "none" times would be those of operators that never run alone.
 * Errors: those of `ExecutionProvider.load` and `Session.run`.
 */
export async function measureFusion(
  provider: ExecutionProvider,
  model: ModelProto,
  feeds: NamedTensors,
): Promise<Fusion> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-fusion-"));
  try {
    const optimizedPath = join(folder, "fused.onnx");
    const session = await provider.load(encodeModel(withNumberedNodes(model)), {
      optimization: "extended",
      optimizedPath,
      profilePrefix: join(folder, "profile"),
    });
    try {
      for (let run = 0; run < RUNS; run++) await session.run(0, feeds);
    } finally {
      await session.unload();
    }
    const nodes = (await readModel(optimizedPath)).graph?.node ?? [];
    const times = await readProfile(folder);
    const made = nodes.flatMap(({ name, output }) => output.map((tensor, i) => ({ name, tensor, i })));
    return {
      tensors: new Set(made.map(({ tensor }) => tensor)),
      durationUs: new Map(made.map(({ name, tensor, i }) => [tensor, i === 0 ? (times.get(name) ?? 0) : 0])),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

interface ProfileEvent {
  cat?: string;
  name?: string;
  dur?: number;
}

/** Median by node; https://onnxruntime.ai/docs/performance/tune-performance/profiling-tools.html */
async function readProfile(folder: string): Promise<Map<string, number>> {
  const durations = new Map<string, number[]>();
  for await (const path of glob(join(folder, "profile*.json"))) {
    const events: ProfileEvent[] = JSON.parse(await readFile(path, "utf8"));
    for (const { cat, name = "", dur = 0 } of events) {
      const node = cat === "Node" ? /^(.*)_kernel_time$/.exec(name)?.[1] : undefined;
      if (node === undefined) continue;
      const seen = durations.get(node);
      if (seen) seen.push(dur);
      else durations.set(node, [dur]);
    }
  }
  return new Map([...durations].map(([node, each]) => [node, median(each)]));
}

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
