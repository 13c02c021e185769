import { SightlineError } from "../../base/errors.ts";
import { floats, type NamedTensors } from "../../tensor/tensor.ts";
import { byScore, type Candidate } from "./candidate.ts";

/** [1,N,6] or [N,6]: left, top, right, bottom in input pixels, score, class; NMS stands in the model (YOLOv10, YOLO26). */
export interface End2endDecoder {
  type: "end2end";
  output: string;
}

export function decodeEnd2end(decoder: End2endDecoder, outputs: NamedTensors, minScore: number): Candidate[] {
  const data = floats(outputs[decoder.output], decoder.output);
  const dims = outputs[decoder.output]?.dims ?? [];
  if (dims.at(-1) !== 6 || dims.slice(0, -2).some((d) => d !== 1)) {
    throw new SightlineError("ERR_MODEL_IO", `output "${decoder.output}" is [${dims}], expected [N, 6]`);
  }
  const found: Candidate[] = [];
  for (let i = 0; i < data.length; i += 6) {
    const [x1, y1, x2, y2, score, classId] = data.subarray(i, i + 6) as unknown as [
      number,
      number,
      number,
      number,
      number,
      number,
    ];
    if (score >= minScore) found.push({ classId: Math.round(classId), score, box: [x1, y1, x2, y2] });
  }
  return byScore(found);
}
