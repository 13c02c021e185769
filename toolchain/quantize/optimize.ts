import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../models/onnx/read-model.ts";
import { nodesOf } from "../../models/onnx/walk.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";

/**
 * The graph as ONNX Runtime rewrites it. `basic` folds constants and batch norms and stays plain ONNX; `extended` has
 * operators of ONNX Runtime's own, which shows what it fuses. Errors: ERR_MODEL_LOAD.
 */
export async function optimized(
  model: ModelProto,
  level: "basic" | "extended",
  provider: ExecutionProvider,
): Promise<ModelProto> {
  const folder = await mkdtemp(join(tmpdir(), "sightline-optimized-"));
  try {
    const optimizedPath = join(folder, "model.onnx");
    const session = await provider.load(encodeModel(model), { optimization: level, optimizedPath });
    await session.unload();
    return withoutUnusedOpsets(await readModel(optimizedPath));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** ONNX Runtime lists every operator set that it knows. */
function withoutUnusedOpsets(model: ModelProto): ModelProto {
  const used = new Set(["", "ai.onnx", ...nodesOf(model).map(({ domain }) => domain)]);
  model.opsetImport = model.opsetImport.filter(({ domain }) => used.has(domain));
  return model;
}
