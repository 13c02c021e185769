import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from "yaml";
import type { Path } from "../../runtime/base/json-schema.ts";
import { keyText, offsetOf, toPlain } from "./plain.ts";

/** Lines and columns count from 1; columns are UTF-16 code units. */
export interface Position {
  line: number;
  column: number;
}

export interface YamlProblem extends Position {
  message: string;
  hint?: string | undefined;
}

export interface ParsedYaml {
  value: unknown;
  problems: YamlProblem[];
  /** False if the problems leave `value` without a meaning. */
  isValid: boolean;
  /** Position of the value at `path`, of its key or of the map around it; if absent, of the nearest enclosing node. */
  positionOf(path: Path, part: "value" | "key" | "parent"): Position;
}

/** One syntax error often causes many more, so only the first ones are worth reading. */
const MAX_SYNTAX_PROBLEMS = 10;

/** Parses one document of YAML 1.2 strictly: an unknown tag is a problem, and so is anything that `toPlain` refuses. */
export function parseYaml(text: string): ParsedYaml {
  const lines = new LineCounter();
  const at = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  try {
    const doc = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
    return read(doc, at);
  } catch (error) {
    // The parser recurses, so a file full of brackets may end in a RangeError.
    if (!(error instanceof RangeError)) throw error;
    return invalid([{ line: 1, column: 1, message: "is nested too deeply" }]);
  }
}

function read(doc: Document.Parsed, at: (offset: number) => Position): ParsedYaml {
  const inOurWords = (error: Document.Parsed["errors"][number] | Document.Parsed["warnings"][number]) => ({
    ...at(error.pos[0]),
    ...rephrase(error.code, error.message),
  });
  if (doc.errors.length > 0) return invalid(doc.errors.slice(0, MAX_SYNTAX_PROBLEMS).map(inOurWords));
  const { version } = doc.directives.yaml;
  if (version !== "1.2")
    return invalid([{ ...at(0), message: `YAML ${version} is not supported`, hint: "use 1.2" }]);
  const { value, problems: inTree, targets } = toPlain(doc.contents);
  const problems = inTree.map(({ offset, ...problem }) => ({ ...at(offset), ...problem }));
  return {
    value,
    problems: [...doc.warnings.map(inOurWords), ...problems],
    isValid: value !== undefined,
    positionOf: (path, part) => at(find(doc.contents, path, part, targets)),
  };
}

const invalid = (problems: YamlProblem[]): ParsedYaml => ({
  value: undefined,
  problems,
  isValid: false,
  positionOf: () => ({ line: 1, column: 1 }),
});

function rephrase(code: string, message: string): Pick<YamlProblem, "message" | "hint"> {
  if (code === "TAB_AS_INDENT") return { message: "YAML cannot be indented with tabs", hint: "use spaces" };
  if (code === "MULTIPLE_DOCS") return { message: "a second document starts here", hint: 'remove the "---"' };
  if (code === "TAG_RESOLVE_FAILED") {
    const tag = /!\S+/.exec(message)?.[0];
    const hint = "remove it; values may contain ${env:NAME} and ${file:PATH}";
    return { message: `unknown tag${tag ? ` ${tag}` : ""}`, hint };
  }
  if (code === "UNEXPECTED_TOKEN") {
    return {
      message: "syntax error",
      hint: "look for a missing or extra quote, bracket, colon or space before it",
    };
  }
  if (code === "RESOURCE_EXHAUSTION") return { message: "is nested too deeply" };
  return { message: message.charAt(0).toLowerCase() + message.slice(1) };
}

/** Follows `path` as far as the tree goes; returns an offset. */
function find(
  root: Node | null,
  path: Path,
  part: "value" | "key" | "parent",
  targets: Map<Alias, Node>,
): number {
  let parent = root;
  let here = { key: root, value: root };
  for (const step of path) {
    const inside = here.value && isAlias(here.value) ? (targets.get(here.value) ?? null) : here.value;
    const next = stepInto(inside, step);
    if (!next) return offsetOf(inside ?? here.key);
    parent = inside;
    here = next;
  }
  if (part === "parent") return offsetOf(parent);
  return offsetOf(part === "key" ? here.key : isWritten(here.value) ? here.value : here.key);
}

function stepInto(
  node: Node | null,
  step: PropertyKey,
): { key: Node | null; value: Node | null } | undefined {
  if (isSeq<Node | null>(node)) {
    const item = node.items[Number(step)];
    return item ? { key: item, value: item } : undefined;
  }
  if (!isMap<Node, Node | null>(node)) return undefined;
  const pair = node.items.find(({ key }) => keyText(key) === String(step));
  return pair && { key: pair.key, value: pair.value };
}

/** False for the empty value after a bare `key:`, which has a position but no extent. */
const isWritten = (node: Node | null): boolean => node?.range != null && node.range[0] !== node.range[1];
