import { type ParseArgsConfig, parseArgs } from "node:util";
import { SightlineError } from "../runtime/base/errors.ts";

/** What a verb knows of the world around it; tests bring their own. */
export interface CommandContext {
  /** Writes a line to standard output; `line` may hold several. */
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
  /** What it does, for the list of verbs; no full stop. */
  summary: string;
  /** Lines that follow `usage:`, without the leading `sightline`; one that begins with a space explains the one above. */
  usage: string;
  /** Stands for `usage` in the help of a verb that is made of others, and loads them first. */
  details?(): Promise<string>;
  /** Gives the exit code. Errors: ERR_USAGE, and those of what it does. */
  run(args: string[], context: CommandContext): Promise<number>;
}

/** `parseArgs` that takes positional arguments and fails with ERR_USAGE and the verb's usage as its hint. */
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

/** The `count` arguments that must be there, no more and no fewer. */
export function requirePositionals(
  verb: Pick<Verb, "name" | "usage">,
  names: string[],
  given: string[],
): string[] {
  if (given.length < names.length) throw usageError(verb, `${names[given.length]} is missing`);
  if (given.length > names.length) throw usageError(verb, `what is "${given[names.length]}" for?`);
  return given;
}

export const usageError = ({ name, usage }: Pick<Verb, "name" | "usage">, message: string): SightlineError =>
  new SightlineError("ERR_USAGE", `${name}: ${message}`, {
    hint: usage
      .split("\n")
      .map((line) => `sightline ${line}`)
      .join("\n"),
  });
