import { readFileSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { SightlineError } from "../runtime/base/errors.ts";
import { type Explained, explainIssue, pathText } from "../runtime/base/explain-issue.ts";
import { mapMarked, type Path } from "../runtime/base/json-schema.ts";
import { jsonSchema } from "./json-schema.ts";
import { byPosition, type Problem, problemText } from "./problem.ts";
import { oldNames } from "./schema/old-names.ts";
import { type Config, schema } from "./schema/schema.ts";
import { type SubstitutionContext, substitute } from "./substitute.ts";
import { type ParsedYaml, parseYaml } from "./yaml/parse.ts";

export interface LoadOptions {
  /** Environment for `${env:NAME}`. */
  env: Readonly<Record<string, string | undefined>>;
}

export interface Checked {
  /** Present exactly if there are no problems; deep-frozen, with absolute paths. */
  config?: Config;
  /** All problems at once, in the order of the file. */
  problems: Problem[];
  /** Old names in the file, which are still accepted. */
  notices?: Problem[];
  /** Gives a problem that a caller found in `config` its position in the file. */
  problemAt?(path: Path, message: string, hint?: string): Problem;
}

const MAX_FILE_BYTES = 2 ** 20;
/** A file with more problems is hardly a configuration, and nobody would read them. */
const MAX_PROBLEMS = 100;

/** Reads a configuration file. Errors: ERR_CONFIG_READ; ERR_CONFIG_INVALID, with a line for each problem. */
export function loadConfig(file: string, options: LoadOptions): Config {
  const { config, problems } = checkConfig(file, options);
  if (config) return config;
  throw new SightlineError("ERR_CONFIG_INVALID", problems.map(problemText).join("\n"));
}

/** Reads a configuration file and lists all its problems. Errors: ERR_CONFIG_READ. */
export function checkConfig(file: string, options: LoadOptions): Checked {
  const text = decode(readConfigFile(file));
  if (text === undefined) {
    return {
      problems: [
        { file, line: 1, column: 1, path: "", message: "the file is not UTF-8", hint: "save it as UTF-8" },
      ],
    };
  }
  return checkText(text, { ...options, file });
}

/** Checks text that was read already; `file` gives its name, and the folder that relative paths start from. */
export function checkText(text: string, { file, env }: LoadOptions & { file: string }): Checked {
  const yaml = parseYaml(text);
  const inYaml = yaml.problems.map((problem) => ({ file, path: "", ...problem }));
  if (!yaml.isValid) return { problems: capped(inYaml, inYaml.length) };
  const folder = dirname(resolve(file));
  const { config, explained } = validate(yaml.value, { env, folder });
  const placed = explained.slice(0, MAX_PROBLEMS).map((one) => place(one, yaml, file));
  const problems = capped([...inYaml, ...placed], inYaml.length + explained.length);
  if (!config || problems.length > 0) return { problems };
  const absolute = mapMarked(jsonSchema, config, "x-path", (path) => resolve(folder, path));
  const problemAt: NonNullable<Checked["problemAt"]> = (path, message, hint) =>
    place({ path, at: "value", message, hint }, yaml, file);
  const notices = oldNames(yaml.value).map(({ old, path, value }) =>
    problemAt(path, `"${old}" is now called "${value}"`, `write ${String(path.at(-1))}: ${value}`),
  );
  return { config: deepFreeze(absolute as Config), problems, problemAt, notices };
}

function validate(written: unknown, context: SubstitutionContext) {
  if (written === null) {
    const hint = "`sightline init` writes a first configuration";
    return { explained: [{ path: [], at: "value" as const, message: "the file is empty", hint }] };
  }
  const { value, problems } = substitute(written, context);
  const result = schema.safeParse(value);
  const unresolved = new Set(problems.map(({ path }) => pathText(path)));
  const issues = (result.error?.issues ?? []).flatMap((issue) => explainIssue(jsonSchema, issue, written));
  const explained: Explained[] = [
    ...problems.map((problem) => ({ ...problem, at: "value" as const })),
    ...issues.filter(({ path }) => !unresolved.has(pathText(path))),
  ];
  return { config: result.data as Config | undefined, explained };
}

function place({ path, at, message, hint }: Explained, yaml: ParsedYaml, file: string): Problem {
  return { file, ...yaml.positionOf(path, at), path: pathText(path), message, hint };
}

function capped(problems: Problem[], total: number): Problem[] {
  const shown = problems.sort(byPosition).slice(0, MAX_PROBLEMS);
  const last = shown.at(-1);
  if (!last || total <= MAX_PROBLEMS) return shown;
  return [
    ...shown,
    { ...last, path: "", message: `and ${total - MAX_PROBLEMS} more problems`, hint: undefined },
  ];
}

function readConfigFile(file: string): Uint8Array {
  try {
    const stats = statSync(file);
    if (!stats.isFile()) throw new Error("not a regular file");
    if (stats.size > MAX_FILE_BYTES) throw new Error("larger than 1 MiB");
    return readFileSync(file);
  } catch (error) {
    throw SightlineError.wrap("ERR_CONFIG_READ", error, file);
  }
}

/** The text without a byte order mark; undefined if the bytes are not UTF-8. */
function decode(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    return undefined;
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === "object" && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}
