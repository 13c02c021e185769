import type { Candidates, CandidatesOptions } from "../candidates.ts";
import type { TensorValues } from "../quantization.ts";

export interface YoloOptions extends CandidatesOptions {
  /**
   * `columns` is [4 + classes, boxes], channel first, without an objectness (YOLOv8, YOLO11); `rows` is
   * [boxes, 5 + classes]: a box, its objectness, a score a class (YOLOv5, YOLOv7).
   */
  layout: "columns" | "rows";
  /** 0 to 2^24. */
  boxes: number;
  /** 1 to 65,536. */
  classes: number;
}

export interface YoloKernel {
  /**
   * The best boxes of a YOLO head, given as centre and size in input pixels. A box is of its best class, of
   * equal ones the first; NaN is no class's score. In rows the score is objectness · best class, and a box whose
   * objectness alone is below `scoreMin` is none. In float32: each step of the arithmetic rounds.
   */
  yolo(output: TensorValues, options: YoloOptions): Promise<Candidates>;
}
