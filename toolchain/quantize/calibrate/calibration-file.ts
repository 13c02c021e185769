import { readFile } from "node:fs/promises";
import * as z from "zod";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { pathText } from "../../../runtime/base/explain-issue.ts";
import { Histogram, histogramJson } from "./histogram.ts";

/** What was seen of every tensor: enough for any method and target, so that pictures are run through once. */
export interface CalibrationFile {
  /** Of the float model's file: names of tensors mean nothing without it. */
  modelSha256: string;
  histograms: readonly Histogram[];
}

const schema = z.strictObject({
  schema: z.literal("sightline.calibration/1"),
  model_sha256: z.string().regex(/^[0-9a-f]{64}$/),
  tensors: z.array(histogramJson),
});

export function calibrationText({ modelSha256, histograms }: CalibrationFile): string {
  const tensors = histograms.map((histogram) => JSON.stringify(histogram.toJson()));
  const head = `{"schema":"sightline.calibration/1","model_sha256":"${modelSha256}","tensors":[`;
  return `${head}\n${tensors.join(",\n")}\n]}\n`;
}

/** Errors: as `parseCalibration`; ERR_CALIBRATION_FILE when it cannot be read. */
export async function readCalibration(file: string): Promise<CalibrationFile> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (error) {
    throw SightlineError.wrap("ERR_CALIBRATION_FILE", error, file);
  }
  return parseCalibration(text, file);
}

/** Errors: ERR_CALIBRATION_FILE (no JSON, not of this schema, a tensor twice, damaged counts). */
export function parseCalibration(text: string, file: string): CalibrationFile {
  const result = schema.safeParse(parseJson(text, file));
  if (!result.success) {
    const problems = result.error.issues.map(({ path, message }) => {
      const place = pathText(path.filter((key) => typeof key !== "symbol"));
      return `${file}: ${place || "the calibration"}: ${message}`;
    });
    throw new SightlineError("ERR_CALIBRATION_FILE", problems.join("\n"));
  }
  const { model_sha256: modelSha256, tensors } = result.data;
  const names = new Set(tensors.map(({ name }) => name));
  if (names.size < tensors.length)
    throw new SightlineError("ERR_CALIBRATION_FILE", `${file}: a tensor appears twice`);
  return { modelSha256, histograms: tensors.map((json) => Histogram.fromJson(json)) };
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw SightlineError.wrap("ERR_CALIBRATION_FILE", error, file);
  }
}
