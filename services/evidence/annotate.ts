import type { Detection } from "../../runtime/pipeline/detection.ts";
import type { Size } from "../../runtime/pipeline/fit.ts";
import type { Picture } from "../../runtime/pipeline/frame.ts";
import { shrunk } from "../../runtime/pipeline/own-picture.ts";
import { encodeJpeg } from "../../runtime/pipeline/still-image.ts";

/** Colours that stay apart for the colour-blind (Okabe and Ito, 2008), a class each. */
const COLORS = ["#d55e00", "#0072b2", "#009e73", "#cc79a7", "#e69f00", "#56b4e9"];

const QUALITY = 88;
const PREVIEW_QUALITY = 80;
/** In pixels. */
export const PREVIEW_SIDE_MAX = 960;

/** The picture with a box and a label for each detection, as JPEG. */
export function annotate(picture: Picture, size: Size, detections: readonly Detection[]): Promise<Buffer> {
  return encodeJpeg(picture, { quality: QUALITY, drawing: drawingOf(size, size, detections) });
}

/** The same for looking at while it happens: small, and quick to make. The picture may be shrunk already. */
export function preview(picture: Picture, size: Size, detections: readonly Detection[]): Promise<Buffer> {
  const shown = shrunk(size, PREVIEW_SIDE_MAX);
  const drawing = detections.length > 0 ? { drawing: drawingOf(size, shown, detections) } : {};
  return encodeJpeg(picture, { quality: PREVIEW_QUALITY, size: shown, ...drawing });
}

/** An SVG of size `shown`, with boxes in pixels of the picture. */
function drawingOf(size: Size, shown: Size, detections: readonly Detection[]): string {
  const { width, height } = size;
  const scale = Math.max(width, height) / 640;
  const boxes = detections.map((d) => drawing(d, size, scale)).join("");
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${shown.width}" height="${shown.height}" viewBox="0 0 ${width} ${height}" preserveAspectRatio="none">${boxes}</svg>`;
}

function drawing({ box, classId, label, score }: Detection, size: Size, scale: number): string {
  const [x1, y1, x2, y2] = box;
  const color = COLORS[classId % COLORS.length];
  const text = `${label} ${score.toFixed(2)}`;
  const font = 15 * scale;
  const width = text.length * font * 0.58 + font * 0.4;
  const left = Math.max(0, Math.min(x1, size.width - width));
  const top = y1 >= font * 1.3 ? y1 - font * 1.3 : Math.min(y2, size.height - font * 1.3);
  return (
    `<rect x="${x1}" y="${y1}" width="${x2 - x1}" height="${y2 - y1}" fill="none" stroke="${color}" stroke-width="${2.5 * scale}"/>` +
    `<rect x="${left}" y="${top}" width="${width}" height="${font * 1.3}" fill="${color}"/>` +
    `<text x="${left + font * 0.2}" y="${top + font}" font-family="monospace" font-size="${font}" fill="#fff">${escapeXml(text)}</text>`
  );
}

const escapeXml = (text: string): string =>
  text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
