import {
  type Document,
  isCollection,
  isMap,
  isScalar,
  type Node,
  parseDocument,
  stringify,
  type YAMLMap,
} from "yaml";
import type { Path } from "../../runtime/base/json-schema.ts";

export interface Setting {
  path: Path;
  value: string | number;
}

/**
 * `text`, which must be valid YAML, with some values set. No other character changes: not a comment, an alignment, or a
 * line's end.
 */
export const withValues = (text: string, settings: readonly Setting[]): string =>
  settings.reduce(withValue, text);

function withValue(text: string, { path, value }: Setting): string {
  const doc = parseDocument(text, { uniqueKeys: false });
  const depth = depthOf(doc, path);
  const node = nodeAt(doc, path.slice(0, depth));
  const missing = path.slice(depth);
  if (missing.length === 0) return replaced(text, node, stringify(value).trimEnd());
  const added = missing.slice(0, -1).reduceRight<object>((inner, key) => ({ [key]: inner }), {
    [missing.at(-1) ?? ""]: value,
  });
  if (isMap(node) && node.items.length > 0)
    return node.flow ? inFlow(text, node, added) : inBlock(text, node, added);
  return replaced(text, node, JSON.stringify(added));
}

/** How much of the path is there already. */
function depthOf(doc: Document.Parsed, path: Path): number {
  for (let depth = path.length; depth > 0; depth--) if (doc.hasIn(path.slice(0, depth))) return depth;
  return 0;
}

function nodeAt(doc: Document.Parsed, path: Path): Node {
  const node = path.length === 0 ? doc.contents : doc.getIn(path, true);
  if (!isScalar(node) && !isCollection(node))
    throw new Error(`${path.join(".")} is an alias: write the value itself`);
  return node;
}

function replaced(text: string, { range }: Node, value: string): string {
  if (!range) throw new Error("the value has no place in the file");
  const [start, end] = range;
  // An empty value ends right behind the colon.
  const gap = text[start - 1] === ":" ? " " : "";
  return text.slice(0, start) + gap + value + text.slice(end);
}

function inFlow(text: string, { range }: YAMLMap, added: object): string {
  const brace = text.lastIndexOf("}", (range?.[1] ?? 0) - 1);
  const before = text.slice(0, brace).trimEnd();
  const comma = before.endsWith(",") ? " " : ", ";
  return (
    before +
    comma +
    JSON.stringify(added)
      .slice(1, -1)
      .replace(/^"(\w+)":/, "$1: ") +
    text.slice(before.length)
  );
}

/** New lines behind the last one of the map, as far to the right as its other keys. */
function inBlock(text: string, map: YAMLMap, added: object): string {
  const first = map.items[0]?.key as Node;
  const start = first.range?.[0] ?? 0;
  const indent = start - (text.lastIndexOf("\n", start - 1) + 1);
  const last = text.slice(0, map.range?.[1]).trimEnd().length;
  const lineEnd = text.indexOf("\n", last);
  const at = lineEnd === -1 ? text.length : text[lineEnd - 1] === "\r" ? lineEnd - 1 : lineEnd;
  const newLine = text.includes("\r\n") ? "\r\n" : "\n";
  const lines = stringify(added).trimEnd().split("\n");
  return (
    text.slice(0, at) + lines.map((line) => newLine + " ".repeat(indent) + line).join("") + text.slice(at)
  );
}
