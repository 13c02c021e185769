import type { NamedTensors } from "../../runtime/tensor/tensor.ts";

export interface Oracle {
  /** Output name → raw bytes. */
  run(feeds: NamedTensors): Promise<Record<string, Buffer>>;
  release(): Promise<void>;
}

/** onnxruntime-node's own JavaScript API with the session options that the engine uses. */
export async function openOracle(model: string): Promise<Oracle> {
  // Its binding does not know Float16Array yet, but uses it for float16 wherever it exists.
  Reflect.deleteProperty(globalThis, "Float16Array");
  // As the engine does: tests send nothing to anyone.
  process.env.ORT_DISABLE_TELEMETRY = "1";
  const { InferenceSession, Tensor } = await import("onnxruntime-node");
  const session = await InferenceSession.create(model, {
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: "sequential",
    graphOptimizationLevel: "all",
    extra: { session: { intra_op: { allow_spinning: "0" } } },
  });
  return {
    async run(feeds) {
      const tensors = Object.entries(feeds).map(([name, { dtype, data, dims }]) => {
        return [name, new Tensor(dtype as "float32", data as Float32Array, dims)] as const;
      });
      const results = await session.run(Object.fromEntries(tensors));
      return Object.fromEntries(
        Object.entries(results).map(([name, { data }]) => {
          const view = data as Float32Array;
          return [name, Buffer.from(view.buffer, view.byteOffset, view.byteLength)];
        }),
      );
    },
    release: () => session.release(),
  };
}
