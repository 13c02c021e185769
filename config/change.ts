import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { SightlineError } from "../runtime/base/errors.ts";
import type { Path } from "../runtime/base/json-schema.ts";
import { checkText, type LoadOptions } from "./load.ts";
import { problemText } from "./problem.ts";
import { withValues } from "./yaml/edit.ts";

/**
 * Sets values in a valid configuration file, whose comments and other keys stay as they are. The file is replaced
 * atomically, and only if the result is valid. Errors: ERR_CONFIG_WRITE.
 */
export function changeConfig(
  file: string,
  values: readonly { path: Path; value: string | number }[],
  options: LoadOptions,
): void {
  const target = realpathSync(file);
  const temporary = `${target}.${process.pid}.new`;
  try {
    const text = withValues(readFileSync(target, "utf8"), values);
    const { problems } = checkText(text, { ...options, file });
    if (problems.length > 0) throw new Error(problems.map(problemText).join("\n"));
    writeFileSync(temporary, text, { mode: statSync(target).mode, flush: true });
    renameSync(temporary, target);
  } catch (error) {
    rmSync(temporary, { force: true });
    const { message } = error as Error;
    throw new SightlineError("ERR_CONFIG_WRITE", `${file}: ${message}`, {
      cause: error,
      hint: "Write the settings into the file yourself, or give this user permission to write it.",
    });
  }
}
