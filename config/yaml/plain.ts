import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type YAMLMap } from "yaml";

/** A node that a configuration must not contain; `offset` counts from the start of the text. */
export interface TreeProblem {
  offset: number;
  message: string;
  hint?: string;
}

export interface Plain {
  value: unknown;
  problems: TreeProblem[];
  /** The node that each alias refers to. */
  targets: Map<Alias, Node>;
}

const MAX_DEPTH = 32;
const MAX_VALUES = 50_000;

/**
 * Turns a syntax tree into plain values and refuses what a configuration must not contain: keys that are not plain
 * text, duplicate keys, cycles, and trees that are too deep or, once aliases are expanded, too large.
 */
export function toPlain(root: Node | null): Plain {
  const plain: Plain = { value: undefined, problems: [], targets: new Map() };
  const walk: Walk = { plain, anchors: new Map(), open: new Set(), values: 0 };
  try {
    plain.value = convert(root, walk);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    plain.problems.push(error.problem);
  }
  return plain;
}

export const offsetOf = (node: Node | null | undefined): number => node?.range?.[0] ?? 0;

/** The text of a key as it appears in the value; undefined for keys that are not plain. */
export function keyText(key: unknown): string | undefined {
  return isScalar(key) && (typeof key.value === "string" || typeof key.value === "number")
    ? String(key.value)
    : undefined;
}

interface Walk {
  plain: Plain;
  anchors: Map<string, Node>;
  /** The collections around the current node. */
  open: Set<Node>;
  values: number;
}

/** Ends the walk, because the rest of the tree could not be trusted. */
class Refused extends Error {
  readonly problem: TreeProblem;

  constructor(node: Node, message: string) {
    super(message);
    this.problem = { offset: offsetOf(node), message };
  }
}

function convert(node: Node | null, walk: Walk): unknown {
  if (node === null) return null;
  if (++walk.values > MAX_VALUES) throw new Refused(node, `more than ${MAX_VALUES} values, aliases included`);
  if (isAlias(node)) return convert(resolve(node, walk), walk);
  if (node.anchor !== undefined) walk.anchors.set(node.anchor, node);
  if (isScalar(node)) return node.value;
  if (walk.open.size >= MAX_DEPTH) throw new Refused(node, `nested more than ${MAX_DEPTH} levels deep`);
  walk.open.add(node);
  const value = isMap<Node, Node | null>(node) ? convertMap(node, walk) : convertItems(node, walk);
  walk.open.delete(node);
  return value;
}

function resolve(alias: Alias, { anchors, open, plain }: Walk): Node {
  const target = anchors.get(alias.source);
  if (target === undefined) throw new Refused(alias, `there is no anchor &${alias.source} above`);
  if (open.has(target)) throw new Refused(alias, `*${alias.source} contains itself`);
  plain.targets.set(alias, target);
  return target;
}

const convertItems = (node: Node, walk: Walk): unknown[] =>
  isSeq<Node | null>(node) ? node.items.map((item) => convert(item, walk)) : [];

function convertMap(map: YAMLMap<Node, Node | null>, walk: Walk): Record<string, unknown> {
  const entries = new Map<string, unknown>();
  for (const { key, value } of map.items) {
    const name = keyText(key);
    const problem = keyProblem(name, entries);
    if (problem) walk.plain.problems.push({ offset: offsetOf(key ?? value ?? map), ...problem });
    const item = convert(value, walk);
    if (name !== undefined && !problem) entries.set(name, item);
  }
  return Object.fromEntries(entries);
}

function keyProblem(name: string | undefined, seen: Map<string, unknown>) {
  if (name === undefined) return { message: "a key must be plain text", hint: "put it in quotes" };
  if (name === "__proto__")
    return { message: 'the key "__proto__" is reserved', hint: "choose another name" };
  if (name === "<<")
    return { message: "merge keys (<<) are not part of YAML 1.2", hint: "write the keys out" };
  if (seen.has(name)) return { message: `the key ${JSON.stringify(name)} appears twice`, hint: "remove one" };
  return undefined;
}
