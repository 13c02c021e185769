import { readFileSync, statSync } from "node:fs";
import { resolve } from "node:path";
import type { Path } from "../runtime/base/json-schema.ts";

export interface SubstitutionContext {
  env: Readonly<Record<string, string | undefined>>;
  /** Folder that relative paths start from. */
  folder: string;
}

export interface SubstitutionProblem {
  path: Path;
  message: string;
  hint: string;
}

/**
 * Replaces `${env:NAME}`, `${env:NAME:-default}` (the default also stands for an empty variable, as in a shell) and
 * `${file:PATH}` (without the file's final line break) in every text below `value`. `$${` gives `${`.
 * Keys are left alone, and substituted text is not searched again.
 */
export function substitute(value: unknown, context: SubstitutionContext) {
  const problems: SubstitutionProblem[] = [];
  const substituted = (item: unknown, path: Path): unknown => {
    if (typeof item === "string") return replaceAll(item, path);
    if (Array.isArray(item)) return item.map((entry, index) => substituted(entry, [...path, index]));
    if (typeof item !== "object" || item === null) return item;
    return Object.fromEntries(
      Object.entries(item).map(([key, entry]) => [key, substituted(entry, [...path, key])]),
    );
  };
  const replaceAll = (text: string, path: Path): string =>
    text.replace(/\$\$\{|\$\{([^{}]*)\}|\$\{/g, (whole, expression: string | undefined) => {
      if (whole === "$${") return "${";
      const found = lookUp(expression ?? "", context);
      if (typeof found === "string") return found;
      problems.push({ path, ...found });
      return "";
    });
  return { value: substituted(value, []), problems };
}

/** Escapes text so that substitution leaves it as it is. */
export const escapeSubstitution = (text: string): string => text.replaceAll("${", () => "$${");

type Found = string | { message: string; hint: string };

const MAX_FILE_BYTES = 65_536;

function lookUp(expression: string, context: SubstitutionContext): Found {
  const variable = /^env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s.exec(expression);
  if (variable) return fromEnvironment(variable[1] ?? "", variable[2], context.env);
  const file = /^file:(.+)$/s.exec(expression)?.[1];
  if (file !== undefined) return fromFile(resolve(context.folder, file));
  return {
    message: "unknown substitution",
    hint: "write ${env:NAME}, ${env:NAME:-default} or ${file:PATH}; $${ stands for a plain ${",
  };
}

function fromEnvironment(name: string, fallback: string | undefined, env: SubstitutionContext["env"]): Found {
  const set = Object.hasOwn(env, name) ? env[name] : undefined;
  const value = set === "" && fallback !== undefined ? fallback : (set ?? fallback);
  if (value !== undefined) return value;
  return {
    message: `the environment variable ${name} is not set`,
    hint: `set it or write \${env:${name}:-default}`,
  };
}

/** Checks the type of the file before reading it: a pipe or a device would never end. */
function fromFile(file: string): Found {
  try {
    const { size } = regularFile(file);
    if (size > MAX_FILE_BYTES) return { message: `${file} is larger than 64 KiB`, hint: "check the path" };
    return readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return {
      message: `cannot read the file to substitute: ${reason}`,
      hint: "check its path and permissions",
    };
  }
}

function regularFile(file: string) {
  const stats = statSync(file);
  if (!stats.isFile()) throw new Error(`${file} is not a regular file`);
  return stats;
}
