import { SightlineError } from "../../../runtime/base/errors.ts";
import { byteCount, type NamedTensors, type TensorSpec } from "../../../runtime/tensor/tensor.ts";
import { readTensor, tensorOver, type WrittenTensor } from "./read-tensor.ts";

export interface InferRequest {
  id: string | undefined;
  feeds: NamedTensors;
  outputs: readonly { name: string; isBinary: boolean }[];
}

interface Specs {
  inputs: readonly TensorSpec[];
  outputs: readonly TensorSpec[];
}

type Json = Readonly<Record<string, unknown>>;

/**
 * The body of an infer request: JSON, and where `Inference-Header-Content-Length` says how long that is the bytes of
 * tensors behind it; a length of 0 says that all of it is the only input (Open Inference Protocol v2 and Triton's binary
 * extension). Errors: ERR_HTTP_REQUEST.
 */
export function readInferRequest(body: Buffer, jsonLength: string | undefined, specs: Specs): InferRequest {
  const length = lengthOf(jsonLength, body);
  if (length === 0 && jsonLength !== undefined) return rawRequest(body, specs);
  const json = parsed(body.subarray(0, length));
  const rest = new Rest(body.subarray(length));
  const feeds = readInputs(json, specs.inputs, rest);
  if (rest.left > 0) throw wrong(`${rest.left} more bytes follow than the inputs need`);
  const { id } = json;
  if (id !== undefined && typeof id !== "string") throw wrong("id must be a string");
  return { id, feeds, outputs: readOutputs(json, specs.outputs) };
}

/** The bytes behind the JSON, tensor after tensor. */
class Rest {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get left(): number {
    return this.#bytes.length - this.#at;
  }

  take(count: number): Buffer | undefined {
    if (count > this.left) return undefined;
    this.#at += count;
    return this.#bytes.subarray(this.#at - count, this.#at);
  }
}

function lengthOf(given: string | undefined, body: Buffer): number {
  if (given === undefined) return body.length;
  const length = /^\d{1,10}$/.test(given) ? Number(given) : Number.NaN;
  if (length <= body.length) return length;
  throw wrong(`Inference-Header-Content-Length is not within the body's ${body.length} bytes`);
}

function rawRequest(body: Buffer, { inputs, outputs }: Specs): InferRequest {
  const [input] = inputs;
  if (!input || inputs.length > 1) throw wrong("a body without JSON is only for models with one input");
  const dims = input.dims.map((dim) => (dim === -1 ? 1 : dim));
  const wanted = byteCount(input.dtype, dims);
  if (body.length !== wanted)
    throw wrong(`the input "${input.name}" has ${wanted} bytes, not ${body.length}`);
  const tensor = { dtype: input.dtype, dims, data: tensorOver(body, input.dtype) };
  const all = outputs.map(({ name }) => ({ name, isBinary: true }));
  return { id: undefined, feeds: { [input.name]: tensor }, outputs: all };
}

function parsed(bytes: Buffer): Json {
  try {
    const value: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (isObject(value)) return value;
  } catch {
    // Said below.
  }
  throw wrong("the request is not a JSON object");
}

function readInputs({ inputs }: Json, specs: readonly TensorSpec[], rest: Rest): NamedTensors {
  if (!Array.isArray(inputs)) throw wrong("inputs must be a list");
  const feeds: NamedTensors = Object.create(null);
  for (const each of inputs) {
    const written = writtenTensor(each);
    const spec = specs.find(({ name }) => name === written.name);
    if (!spec || written.name in feeds) {
      const names = specs.map(({ name }) => `"${name}"`).join(", ");
      throw wrong(`inputs must be ${names}, each once, not ${JSON.stringify(written.name).slice(0, 80)}`);
    }
    feeds[spec.name] = readTensor(written, spec, (count) => rest.take(count));
  }
  const missing = specs.find(({ name }) => !(name in feeds));
  if (missing) throw wrong(`the input "${missing.name}" is missing`);
  return { ...feeds };
}

function writtenTensor(value: unknown): WrittenTensor {
  if (!isObject(value) || typeof value.name !== "string") throw wrong("each input needs a name");
  const { data, datatype, name, shape } = value;
  return { data, datatype, name, shape, bytes: parametersOf(value).binary_data_size };
}

function readOutputs(json: Json, specs: readonly TensorSpec[]): InferRequest["outputs"] {
  const { outputs } = json;
  const isBinary = parametersOf(json).binary_data_output === true;
  if (outputs === undefined) return specs.map(({ name }) => ({ name, isBinary }));
  if (!Array.isArray(outputs)) throw wrong("outputs must be a list");
  return outputs.map((each: unknown) => {
    const name = isObject(each) ? each.name : undefined;
    if (!isObject(each) || !specs.some((spec) => spec.name === name)) {
      throw wrong(`outputs must be ${specs.map((spec) => `"${spec.name}"`).join(", ")}`);
    }
    const { binary_data } = parametersOf(each);
    return { name: String(name), isBinary: binary_data === undefined ? isBinary : binary_data === true };
  });
}

function parametersOf({ parameters }: Json): Json {
  if (parameters === undefined) return {};
  if (isObject(parameters)) return parameters;
  throw wrong("parameters must be an object");
}

const isObject = (value: unknown): value is Json =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const wrong = (message: string): SightlineError => new SightlineError("ERR_HTTP_REQUEST", message);
