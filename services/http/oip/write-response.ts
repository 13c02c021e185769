import { SightlineError } from "../../../runtime/base/errors.ts";
import type { NamedTensors, Tensor } from "../../../runtime/tensor/tensor.ts";
import { datatypeOf, isBinaryOnly } from "./datatypes.ts";
import type { InferRequest } from "./read-request.ts";

export interface InferResponse {
  /** JSON, and the tensors that follow it. */
  parts: readonly Buffer[];
  /** Of its JSON, where tensors follow it. */
  jsonLength: number | undefined;
}

/** Reads `made` where it lies. Errors: ERR_HTTP_REQUEST for an output that cannot be written as JSON. */
export function writeInferResponse(
  { name, version }: { name: string; version: string },
  { id, outputs }: InferRequest,
  made: NamedTensors,
): InferResponse {
  const parts: Buffer[] = [];
  const written = outputs.flatMap(({ isBinary, name: output }): object[] => {
    const tensor = made[output];
    if (!tensor) return [];
    const { dims: shape, dtype } = tensor;
    const head = { name: output, datatype: datatypeOf(dtype), shape };
    if (!isBinary) return [{ ...head, data: jsonOf(output, tensor) }];
    const { buffer, byteLength, byteOffset } = tensor.data;
    parts.push(Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength));
    return [{ ...head, parameters: { binary_data_size: byteLength } }];
  });
  const json = {
    model_name: name,
    model_version: version,
    ...(id !== undefined && { id }),
    outputs: written,
  };
  const text = Buffer.from(JSON.stringify(json));
  return { parts: [text, ...parts], jsonLength: parts.length === 0 ? undefined : text.length };
}

/** What is not finite has no JSON number; the protocol has no word for it, JSON's is null. */
function jsonOf(name: string, { data, dtype }: Tensor): unknown[] {
  if (isBinaryOnly(dtype)) {
    const message = `the output "${name}" is ${datatypeOf(dtype)}, which can only be sent as binary data`;
    throw new SightlineError("ERR_HTTP_REQUEST", message);
  }
  if (dtype === "bool") return Array.from(data as Uint8Array, (value) => value !== 0);
  return Array.from<number | bigint, number>(data as ArrayLike<number | bigint>, Number);
}
