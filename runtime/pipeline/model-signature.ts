import type { Bundle } from "../../models/bundle/bundle.ts";
import { inputDims } from "../../models/bundle/input-dims.ts";
import { outputNames } from "../../models/bundle/output-names.ts";
import { SightlineError } from "../base/errors.ts";
import type { Session } from "../session/execution-provider.ts";
import type { TensorSpec } from "../tensor/tensor.ts";
import type { Decoder } from "./decode/decode.ts";
import type { ModelInput } from "./preprocess.ts";

/** A manifest must speak of the model that it came with: input, outputs and number of labels. Errors: ERR_MODEL_IO. */
export function checkSignature({ labels, manifest }: Bundle, session: Session): void {
  checkInput(manifest.input, session.inputs);
  for (const name of outputNames(manifest.decoder)) find(name, session.outputs);
  const classes = classCount(manifest.decoder, session.outputs);
  if (classes === undefined || classes === labels.length) return;
  throw new SightlineError("ERR_MODEL_IO", `manifest: ${labels.length} labels; model: ${classes} classes`);
}

function checkInput(wantedInput: ModelInput, inputs: readonly TensorSpec[]): void {
  const { dtype, name } = wantedInput;
  const wanted = inputDims(wantedInput);
  const input = inputs.find((spec) => spec.name === name);
  const fits =
    input?.dims.length === wanted.length && input.dims.every((d, i) => d === -1 || d === wanted[i]);
  if (fits && input.dtype === dtype && inputs.length === 1) return;
  throw new SightlineError(
    "ERR_MODEL_IO",
    `manifest: ${dtype} "${name}" [${wanted}]; model: ${describe(inputs)}`,
  );
}

function find(name: string, outputs: readonly TensorSpec[]): TensorSpec {
  const output = outputs.find((spec) => spec.name === name);
  if (output) return output;
  throw new SightlineError("ERR_MODEL_IO", `decoder: "${name}"; model: ${describe(outputs)}`);
}

/** Where each family keeps its classes: a dimension of its first output, and what else shares that dimension. */
const CLASSES_AT = {
  heatmap: { dim: 1, others: 0 },
  yolov5: { dim: 2, others: 5 },
  yolov8: { dim: 1, others: 4 },
  fastestdet: { dim: 1, others: 5 },
  classifier: { dim: 1, others: 0 },
  segmentation: { dim: 1, others: 0 },
} as const;

/** Undefined where the shape does not say. */
function classCount(decoder: Decoder, outputs: readonly TensorSpec[]): number | undefined {
  if (decoder.type === "embedding") return decoder.prototypes.length;
  if (decoder.type === "anomaly") return 1;
  if (!isInShape(decoder.type)) return undefined;
  const { dim, others } = CLASSES_AT[decoder.type];
  const size = find(outputNames(decoder)[0] ?? "", outputs).dims[dim];
  return size === undefined || size === -1 ? undefined : size - others;
}

const isInShape = (type: Decoder["type"]): type is keyof typeof CLASSES_AT => type in CLASSES_AT;

const describe = (specs: readonly TensorSpec[]): string =>
  specs.map((s) => `${s.dtype} "${s.name}" [${s.dims}]`).join(", ");
