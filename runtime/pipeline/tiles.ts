import type { Rect } from "../native/index.ts";
import type { Size } from "./fit.ts";

/**
 * Covers an area with tiles of one size, spread evenly, each sharing at least `overlapPx` with the next. A tile is
 * cut where the area is smaller than it.
 */
export function tilesOver(area: Rect, tile: Size, overlapPx: number): Rect[] {
  const columns = starts(area.width, tile.width, overlapPx);
  const rows = starts(area.height, tile.height, overlapPx);
  const width = Math.min(tile.width, area.width);
  const height = Math.min(tile.height, area.height);
  return rows.flatMap((top) =>
    columns.map((left) => ({ left: area.left + left, top: area.top + top, width, height })),
  );
}

function starts(length: number, tile: number, overlap: number): number[] {
  if (length <= tile) return [0];
  const step = Math.max(1, tile - overlap);
  const count = Math.ceil((length - tile) / step) + 1;
  return Array.from({ length: count }, (_, i) => Math.round((i * (length - tile)) / (count - 1)));
}
