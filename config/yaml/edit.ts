import { parseDocument } from "yaml";
import type { Path } from "../../runtime/base/json-schema.ts";

/** The text with some values changed or added; comments, order and all others stay. The text is sound YAML. */
export function withValues(text: string, values: readonly { path: Path; value: string | number }[]): string {
  const doc = parseDocument(text, { uniqueKeys: false });
  for (const { path, value } of values) doc.setIn(path, value);
  return doc.toString({ lineWidth: 0 });
}
