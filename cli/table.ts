export type Cell = string | number;

/**
 * Rows under a heading, in columns as wide as their widest cell; numbers are right-aligned. Without rows, the text is
 * empty.
 */
export function table(heading: readonly string[], rows: readonly (readonly Cell[])[]): string {
  if (rows.length === 0) return "";
  const widths = heading.map((title, i) =>
    Math.max(title.length, ...rows.map((row) => String(row[i] ?? "").length)),
  );
  const isNumeric = (i: number): boolean =>
    rows.every((row) => typeof row[i] === "number" || /^[\d.]+ (B|[KMG]iB)$/.test(String(row[i])));
  const numeric = heading.map((_, i) => isNumeric(i));
  const line = (row: readonly Cell[]): string =>
    widths
      .map((width, i) =>
        numeric[i] ? String(row[i] ?? "").padStart(width) : String(row[i] ?? "").padEnd(width),
      )
      .join("  ")
      .trimEnd();
  return [line(heading), ...rows.map(line)].map((text) => `  ${text}`).join("\n");
}
