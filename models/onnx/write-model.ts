import { clearField, create, toBinary } from "@bufbuild/protobuf";
import { SightlineError } from "../../runtime/base/errors.ts";
import { elementType } from "./element-types.ts";
import {
  GraphProtoSchema,
  type ModelProto,
  ModelProtoSchema,
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProtoSchema,
} from "./proto/onnx_pb.js";
import { bytesOf } from "./tensor.ts";

/** Files are mapped by whole pages, and ONNX Runtime maps a tensor only where a page begins. */
export const WEIGHTS_ALIGN_BYTES = 4096;

/** Smaller tensors stay in the graph: shapes and axes must be there to be seen when it is loaded. */
const MIN_EXTERNAL_BYTES = 1024;

/** The model as one file, weights inside. Errors: ERR_ONNX_SIZE. */
export function encodeModel(model: ModelProto): Uint8Array {
  try {
    return toBinary(ModelProtoSchema, model);
  } catch (error) {
    throw SightlineError.wrap("ERR_ONNX_SIZE", error, "the model cannot be written as one file");
  }
}

/** Where a tensor's elements may stand inside a file. */
const VALUE_FIELDS = ["rawData", "floatData", "int32Data", "int64Data", "doubleData", "uint64Data"] as const;

export interface StoredTensor {
  name: string;
  /** As ONNX spells it, in small letters. */
  dtype: string;
  offset: number;
  bytes: number;
}

export interface SplitModel {
  /** Structure and small tensors. */
  model: ModelProto;
  tensors: StoredTensor[];
  /** The weights file's parts in order, padding among them. */
  chunks: Uint8Array[];
  /** Sum of the chunks. */
  bytes: number;
}

/**
 * Takes the weights out of a model into one blob whose tensors begin at pages. `model` is not changed, and what is
 * returned shares its memory. `withLocation` then names the blob in the graph.
 */
export function takeWeights(model: ModelProto): SplitModel {
  const tensors: StoredTensor[] = [];
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  const initializer = (model.graph?.initializer ?? []).map((tensor) => {
    const type = elementType(tensor.dataType);
    const data = type && bytesOf(tensor);
    if (data === undefined || data.byteLength < MIN_EXTERNAL_BYTES) return tensor;
    const padding = (WEIGHTS_ALIGN_BYTES - (bytes % WEIGHTS_ALIGN_BYTES)) % WEIGHTS_ALIGN_BYTES;
    if (padding > 0) chunks.push(new Uint8Array(padding));
    const stored = {
      name: tensor.name,
      dtype: type?.name ?? "",
      offset: bytes + padding,
      bytes: data.byteLength,
    };
    tensors.push(stored);
    chunks.push(data);
    bytes = stored.offset + stored.bytes;
    return outside(tensor, stored);
  });
  return { model: withInitializers(model, initializer), tensors, chunks, bytes };
}

/** Sets the name of the file that holds the weights, relative to the graph's own folder. */
export function withLocation(model: ModelProto, location: string): ModelProto {
  const initializer = (model.graph?.initializer ?? []).map((tensor) =>
    tensor.dataLocation === TensorProto_DataLocation.EXTERNAL
      ? copy(tensor, {
          externalData: [
            entry("location", location),
            ...tensor.externalData.filter(({ key }) => key !== "location"),
          ],
        })
      : tensor,
  );
  return withInitializers(model, initializer);
}

/** The same graph whose tensors of these names stand in the file `location`. */
export function withPlaces(
  model: ModelProto,
  location: string,
  places: ReadonlyMap<string, { offset: number; bytes: number }>,
): ModelProto {
  const initializer = (model.graph?.initializer ?? []).map((tensor) => {
    const place = places.get(tensor.name);
    return place ? outside(tensor, place) : tensor;
  });
  return withLocation(withInitializers(model, initializer), location);
}

function outside(
  tensor: TensorProto,
  { offset, bytes }: Pick<StoredTensor, "offset" | "bytes">,
): TensorProto {
  const moved = copy(tensor, {
    dataLocation: TensorProto_DataLocation.EXTERNAL,
    externalData: [entry("offset", String(offset)), entry("length", String(bytes))],
  });
  for (const name of VALUE_FIELDS) clearField(moved, TensorProtoSchema.field[name]);
  return moved;
}

const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value });

/** The same tensor with other fields; what the schema does not know is kept. */
const copy = (tensor: TensorProto, fields: Partial<TensorProto>): TensorProto =>
  Object.assign(create(TensorProtoSchema), tensor, fields);

function withInitializers(model: ModelProto, initializer: TensorProto[]): ModelProto {
  const graph = model.graph && Object.assign(create(GraphProtoSchema), model.graph, { initializer });
  return Object.assign(create(ModelProtoSchema), model, { graph });
}
