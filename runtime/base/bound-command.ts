import { existsSync } from "node:fs";

/** Of util-linux, in every Debian: asks the kernel to end the child with us (PR_SET_PDEATHSIG), however we end. */
const SETPRIV = "/usr/bin/setpriv";
/** We may have ended before it could ask. The script is fixed; what it runs comes as arguments, which it does not read. */
const IF_PARENT_LIVES = ["/bin/sh", "-c", 'test "$PPID" = "$0" && exec "$@"'];

/**
 * The command as one whose process ends with this one, or rather with the thread that starts it. What it starts in turn
 * is not bound.
 */
export function boundCommand(command: string, args: readonly string[]): [string, string[]] {
  if (!existsSync(SETPRIV)) return [command, [...args]];
  return [SETPRIV, ["--pdeathsig", "KILL", "--", ...IF_PARENT_LIVES, String(process.pid), command, ...args]];
}
