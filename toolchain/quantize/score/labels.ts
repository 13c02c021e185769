import { readFile } from "node:fs/promises";
import { basename, extname, join } from "node:path";
import { SightlineError } from "../../../runtime/base/errors.ts";
import type { Truth } from "./detections.ts";

/** The file of `folder` with a picture's labels: `board7.txt` for `board7.jpg`. Errors: ERR_LABELS. */
export async function readLabels(folder: string, picture: string): Promise<string> {
  const file = join(folder, `${basename(picture, extname(picture))}.txt`);
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    throw SightlineError.wrap("ERR_LABELS", error, file);
  }
}

/**
 * Boxes, one a line: left, top, right, bottom in pixels and the class, by its name or by its number from 1, with spaces
 * or commas between. Errors: ERR_LABELS.
 */
export function parseBoxes(text: string, labels: readonly string[]): Truth[] {
  return linesOf(text).map((line) => {
    const [x1, y1, x2, y2, ...name] = line.split(/[\s,]+/);
    const box = [x1, y1, x2, y2].map(Number);
    const [left = 0, top = 0, right = 0, bottom = 0] = box;
    if (!box.every(Number.isFinite) || right < left || bottom < top)
      throw bad(`"${line}" is not a box and a class`);
    return { label: labelOf(name.join(" "), labels), box: [left, top, right, bottom] };
  });
}

/** The class of a whole picture, on the one line. Errors: ERR_LABELS. */
export function parseClass(text: string, labels: readonly string[]): string {
  const [line, ...more] = linesOf(text);
  if (line === undefined || more.length > 0) throw bad("expected one line with the class");
  return labelOf(line, labels);
}

const linesOf = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "");

function labelOf(name: string, labels: readonly string[]): string {
  const label = labels.includes(name) ? name : labels[Number(name) - 1];
  if (label !== undefined && name !== "") return label;
  throw bad(`"${name}" is not one of the classes ${labels.slice(0, 20).join(", ")}`);
}

const bad = (message: string): SightlineError => new SightlineError("ERR_LABELS", message);
