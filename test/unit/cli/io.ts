import type { Io } from "../../../cli/verb.ts";

/** An `Io` that keeps what is written. */
export function recordingIo(cwd: string, env: Io["env"] = {}) {
  const outLines: string[] = [];
  const errLines: string[] = [];
  const io: Io = {
    out: (line) => void outLines.push(line),
    err: (line) => void errLines.push(line),
    cwd,
    env,
    isTty: false,
  };
  return { io, outLines, errLines };
}
