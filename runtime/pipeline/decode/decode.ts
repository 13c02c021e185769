import type { Kernels } from "../../native/index.ts";
import type { NamedTensors } from "../../tensor/tensor.ts";
import type { Size } from "../fit.ts";
import type { Candidate } from "./candidate.ts";
import { type ClassifierDecoder, decodeClassifier } from "./classifier.ts";
import { decodeEmbedding, type EmbeddingDecoder } from "./embedding.ts";
import { decodeEnd2end, type End2endDecoder } from "./end2end.ts";
import { decodeFastestDet, type FastestDetDecoder } from "./fastestdet.ts";
import { decodeHeatmap, type HeatmapDecoder } from "./heatmap.ts";
import { type AnomalyDecoder, decodeAnomaly, decodeSegmentation, type SegmentationDecoder } from "./maps.ts";
import { decodeYolo, type Yolov5Decoder, type Yolov8Decoder } from "./yolo.ts";
import {
  decodeYolov8Pose,
  decodeYolov8Seg,
  type Yolov8PoseDecoder,
  type Yolov8SegDecoder,
} from "./yolov8-extras.ts";

/** How a model's outputs become candidates; `type` names the family. Boxes are in pixels of the model's input. */
export type Decoder =
  | HeatmapDecoder
  | Yolov5Decoder
  | Yolov8Decoder
  | End2endDecoder
  | FastestDetDecoder
  | ClassifierDecoder
  | Yolov8SegDecoder
  | Yolov8PoseDecoder
  | SegmentationDecoder
  | AnomalyDecoder
  | EmbeddingDecoder;

/** Errors: ERR_MODEL_IO when an output is missing or has another shape than the decoder needs. */
export async function decode(
  kernels: Kernels,
  decoder: Decoder,
  outputs: NamedTensors,
  minScore: number,
  input: Size,
): Promise<Candidate[]> {
  switch (decoder.type) {
    case "heatmap":
      return decodeHeatmap(kernels, decoder, outputs, minScore);
    case "yolov5":
    case "yolov8":
      return decodeYolo(kernels, decoder, outputs, minScore);
    case "end2end":
      return decodeEnd2end(decoder, outputs, minScore);
    case "fastestdet":
      return decodeFastestDet(kernels, decoder, outputs, minScore, input);
    case "classifier":
      return decodeClassifier(kernels, decoder, outputs, minScore, input);
    case "yolov8-seg":
      return decodeYolov8Seg(kernels, decoder, outputs, minScore, input);
    case "yolov8-pose":
      return decodeYolov8Pose(kernels, decoder, outputs, minScore);
    case "segmentation":
      return decodeSegmentation(kernels, decoder, outputs, minScore, input);
    case "anomaly":
      return decodeAnomaly(kernels, decoder, outputs, minScore, input);
    case "embedding":
      return decodeEmbedding(decoder, outputs, minScore, input);
  }
}
