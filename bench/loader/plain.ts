import ort from "onnxruntime-node";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";

/** What one writes first: a session of onnxruntime-node, one thread. Gives what runs it, and its only output. */
export async function openPlain(
  file: string,
  given: NamedTensors,
): Promise<() => Promise<ort.Tensor | undefined>> {
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: 1, interOpNumThreads: 1 });
  const feeds = Object.fromEntries(
    Object.entries(given).map(([name, { data, dims }]) => [
      name,
      new ort.Tensor("float32", data as Float32Array, [...dims]),
    ]),
  );
  return async () => Object.values(await session.run(feeds))[0];
}
