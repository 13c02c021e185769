import type { Bundle } from "../../models/bundle/bundle.ts";
import { outputNames } from "../../models/bundle/output-names.ts";
import type { DeclaredValue } from "../../models/onnx/signature.ts";
import { SightlineError } from "../base/errors.ts";
import { fedInputs, type Specs, servedOutputs } from "../session/chain-session.ts";
import { ARRAY_OF, type DType, type TensorSpec } from "../tensor/tensor.ts";

/** ONNX's names that are not ours. */
const DTYPES: Readonly<Record<string, DType>> = { float: "float32", double: "float64" };

/** What a model takes and makes, read from its files: nothing of it is opened. Errors: ERR_MODEL_IO, ERR_ONNX_*. */
export async function tensorSpecs({ manifest, stages }: Bundle): Promise<Specs> {
  // Reading ONNX is needed for models that have never been opened alone.
  const { readSignature } = await import("../../models/onnx/signature.ts");
  const declared = await Promise.all(stages.map(({ path }) => readSignature(path)));
  const specs = declared.map(({ inputs, outputs }) => ({
    inputs: inputs.map(toSpec),
    outputs: outputs.map(toSpec),
  }));
  return { inputs: fedInputs(specs), outputs: servedOutputs(specs, outputNames(manifest.decoder)) };
}

function toSpec({ dims, name, type }: DeclaredValue): TensorSpec {
  const dtype = DTYPES[type] ?? type;
  if (!Object.hasOwn(ARRAY_OF, dtype)) throw new SightlineError("ERR_MODEL_IO", `"${name}" is ${type}`);
  return { name, dtype: dtype as DType, dims };
}
