import ort from "onnxruntime-node";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";

/** What one writes first: a session of onnxruntime-node, one thread. Gives what runs it. */
export async function openPlain(
  file: string,
  { x }: NamedTensors,
): Promise<() => Promise<ort.Tensor | undefined>> {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  if (!x) throw new Error("the models here are fed with x");
  const feeds = { x: new ort.Tensor("float32", x.data as Float32Array, [...x.dims]) };
  return async () => (await session.run(feeds)).y;
}
