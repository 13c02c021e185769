import { parseDocument } from "yaml";
import type { Path } from "../../runtime/base/json-schema.ts";

/** `text`, which must be valid YAML, with some values set; comments, order and all other values stay as they are. */
export function withValues(text: string, values: readonly { path: Path; value: string | number }[]): string {
  const doc = parseDocument(text, { uniqueKeys: false });
  for (const { path, value } of values) doc.setIn(path, value);
  return doc.toString({ lineWidth: 0 });
}
