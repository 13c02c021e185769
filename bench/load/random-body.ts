import { type InputShapes, randomFeeds } from "../../runtime/tensor/random-feeds.ts";
import type { TensorSpec } from "../../runtime/tensor/tensor.ts";
import { datatypeOf } from "../../services/http/oip/datatypes.ts";

export interface InferBody {
  body: Buffer;
  headers: Record<string, string | number>;
}

/** A request with random tensors as bytes, that asks for bytes. */
export function randomBody(inputs: readonly TensorSpec[], shapes: InputShapes = {}): InferBody {
  const feeds = Object.entries(randomFeeds(inputs, shapes, 1));
  const json = {
    inputs: feeds.map(([name, { data, dims, dtype }]) => ({
      ...{ name, shape: dims, datatype: datatypeOf(dtype) },
      parameters: { binary_data_size: data.byteLength },
    })),
    parameters: { binary_data_output: true },
  };
  const text = Buffer.from(JSON.stringify(json));
  const bytes = feeds.map(([, { data }]) =>
    Buffer.from(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength),
  );
  return {
    body: Buffer.concat([text, ...bytes]),
    headers: { "content-type": "application/octet-stream", "inference-header-content-length": text.length },
  };
}
