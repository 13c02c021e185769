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

/** For a server: one session, fed with floats. ONNX Runtime would give its threads cores of its own choice. */
export async function openServed(file: string, threads: number) {
  const session = await ort.InferenceSession.create(file, {
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
  });
  const run = async (name: string, data: Float32Array, dims: readonly number[]) => {
    const made = await session.run({ [name]: new ort.Tensor("float32", data, [...dims]) });
    return Object.entries(made).map(([output, tensor]) => ({
      ...{ name: output, dims: tensor.dims },
      data: tensor.data as Float32Array<ArrayBuffer>,
    }));
  };
  return { run };
}
