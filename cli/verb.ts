import { type ParseArgsConfig, parseArgs } from "node:util";
import { SightlineError } from "../runtime/base/errors.ts";

/** What a verb may know of the process that runs it; tests pass their own. */
export interface CommandContext {
  /** Writes a line, or several, to standard output. */
  out(line: string): void;
  /** Writes a line to standard error. */
  err(line: string): void;
  cwd: string;
  env: Readonly<Record<string, string | undefined>>;
  isTty: boolean;
}

/** One word of the command line: `sightline NAME ...`. */
export interface Verb {
  name: string;
  /** What the verb does, for the list of commands; without a full stop. */
  summary: string;
  /** Usage lines without the leading `sightline`; a line that begins with a space explains the one above. */
  usage: string;
  /** Replaces `usage` in the help of a verb with sub-commands, which have to be loaded first. */
  details?(): Promise<string>;
  /** Returns the exit code. Errors: ERR_USAGE, and those of the work that the verb does. */
  run(args: string[], context: CommandContext): Promise<number>;
}

/** `parseArgs` with positional arguments; it fails with ERR_USAGE and the verb's usage as the hint. */
export function parseVerbArgs<const O extends NonNullable<ParseArgsConfig["options"]>>(
  verb: Pick<Verb, "name" | "usage">,
  args: string[],
  options: O,
) {
  try {
    return parseArgs({ args, options, allowPositionals: true, strict: true });
  } catch (error) {
    throw usageError(verb, error instanceof Error ? (error.message.split(". ")[0] ?? "") : String(error));
  }
}

/** Returns `given`, which must hold one argument for each of `names`. */
export function requirePositionals(
  verb: Pick<Verb, "name" | "usage">,
  names: string[],
  given: string[],
): string[] {
  if (given.length < names.length) throw usageError(verb, `${names[given.length]} is missing`);
  if (given.length > names.length) throw usageError(verb, `unexpected argument "${given[names.length]}"`);
  return given;
}

export const usageError = ({ name, usage }: Pick<Verb, "name" | "usage">, message: string): SightlineError =>
  new SightlineError("ERR_USAGE", `${name}: ${message}`, {
    hint: usage
      .split("\n")
      .map((line) => `sightline ${line}`)
      .join("\n"),
  });
