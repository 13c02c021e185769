import { SightlineError } from "../../runtime/base/errors.ts";

/** Unix sockets take paths of at most 107 bytes (unix(7)). */
const PATH_BYTES_MAX = 107;

/** Errors: ERR_STORE_OPEN, with how much is too much. */
export function checkSocketPath(path: string): void {
  const excess = Buffer.byteLength(path) - PATH_BYTES_MAX;
  if (excess <= 0) return;
  const hint = `Shorten \`store.path\` by ${excess} characters.`;
  throw new SightlineError("ERR_STORE_OPEN", `${path} is too long for a socket`, { hint });
}
