import type { CommandContext } from "../../../cli/verb.ts";

/** An `CommandContext` that keeps what is written. */
export function recordingContext(cwd: string, env: CommandContext["env"] = {}) {
  const outLines: string[] = [];
  const errLines: string[] = [];
  const context: CommandContext = {
    out: (line) => void outLines.push(line),
    err: (line) => void errLines.push(line),
    cwd,
    env,
    isTty: false,
  };
  return { context, outLines, errLines };
}
