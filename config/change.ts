import {
  chmodSync,
  chownSync,
  existsSync,
  readFileSync,
  realpathSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  writeFileSync,
} from "node:fs";
import { SightlineError } from "../runtime/base/errors.ts";
import type { Path } from "../runtime/base/json-schema.ts";
import { checkText, type LoadOptions } from "./load.ts";
import { problemText } from "./problem.ts";
import { oldNames } from "./schema/old-names.ts";
import { withValues } from "./yaml/edit.ts";
import { parseYaml } from "./yaml/parse.ts";

/**
 * Sets values in a valid configuration file, whose comments and other keys stay as they are. The file is replaced
 * atomically, and only if the result is valid. Errors: ERR_CONFIG_WRITE.
 */
export function changeConfig(
  file: string,
  values: readonly { path: Path; value: string | number }[],
  options: LoadOptions,
): void {
  try {
    const text = withValues(readFileSync(file, "utf8"), values);
    const { problems } = checkText(text, { ...options, file });
    if (problems.length > 0) throw new Error(problems.map(problemText).join("\n"));
    replace(file, text);
  } catch (error) {
    throw notWritten(file, error);
  }
}

/** What `migrateConfig` did, or would do. */
export interface Migration {
  /** Each with its line. */
  changes: readonly { line: number; key: string; old: string; value: string }[];
  /** Where the file as it was is kept; undefined when nothing was written. */
  backup: string | undefined;
}

/**
 * Gives old names in a configuration file the ones of today; the file as it was stays beside it. The rest of the file
 * need not be valid. Errors: ERR_CONFIG_READ when it is not YAML, ERR_CONFIG_WRITE.
 */
export function migrateConfig(file: string, { isDryRun }: { isDryRun: boolean }): Migration {
  const text = readConfig(file);
  const yaml = parseYaml(text);
  if (!yaml.isValid)
    throw new SightlineError("ERR_CONFIG_READ", `${file} is not YAML: ${yaml.problems[0]?.message}`);
  const names = oldNames(yaml.value);
  const changes = names.map(({ old, path, value }) => {
    const { line } = yaml.positionOf(path, "value");
    return { line, key: String(path.at(-1)), old, value };
  });
  if (isDryRun || changes.length === 0) return { changes, backup: undefined };
  try {
    const backup = freeName(`${realpathSync(file)}.bak`);
    writeLike(statSync(file), backup, text);
    replace(file, withValues(text, names));
    return { changes, backup };
  } catch (error) {
    throw notWritten(file, error);
  }
}

/** Atomically, where a link leads. */
function replace(file: string, text: string): void {
  const target = realpathSync(file);
  const temporary = `${target}.${process.pid}.new`;
  try {
    writeLike(statSync(target), temporary, text);
    renameSync(temporary, target);
  } finally {
    rmSync(temporary, { force: true });
  }
}

/** A new file with the owner and permissions of another: the service may read it as its group alone, and it may hold secrets. */
function writeLike({ gid, mode, uid }: Stats, file: string, text: string): void {
  writeFileSync(file, text, { mode: 0o600, flag: "wx", flush: true });
  chownSync(file, uid, gid);
  chmodSync(file, mode);
}

/** The name, or the first of its numbered successors that no file has. */
function freeName(name: string): string {
  for (let i = 1; ; i++) {
    const candidate = i === 1 ? name : `${name}.${i}`;
    if (!existsSync(candidate)) return candidate;
  }
}

function readConfig(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw SightlineError.wrap("ERR_CONFIG_READ", error, file);
  }
}

const notWritten = (file: string, error: unknown): SightlineError =>
  new SightlineError("ERR_CONFIG_WRITE", `${file}: ${(error as Error).message}`, {
    cause: error,
    hint: "Write the settings into the file yourself, or give this user permission to write it.",
  });
