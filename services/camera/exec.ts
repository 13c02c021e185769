import type { Caps } from "./caps.ts";
import type { Launch } from "./launch.ts";
import { packedLayout, type RawFormat } from "./layout.ts";
import type { Framing } from "./reader/protocol.ts";

export interface ExecOptions {
  command: readonly string[];
  framing: Framing["kind"];
  format?: RawFormat | "jpeg" | undefined;
  width?: number | undefined;
  height?: number | undefined;
  /** Bytes from one row to the next; left out: rows are not padded. */
  stride?: number | undefined;
}

/** Any command that writes frames to its standard output. */
export function execLaunch(options: ExecOptions): Launch {
  const [command = "", ...args] = options.command;
  const caps = capsOf(options);
  return { command, args, framesTo: 1, framing: framingOf(options.framing, caps), caps };
}

function capsOf({ format, framing, height = 0, stride, width = 0 }: ExecOptions): Caps {
  if (framing === "mjpeg" || format === "jpeg" || format === undefined) return { encoding: "still" };
  return { encoding: "raw", layout: packedLayout({ format, width, height }, stride), colors: {} };
}

function framingOf(kind: Framing["kind"], caps: Caps): Framing {
  if (kind !== "raw") return { kind };
  return { kind, bytes: caps.encoding === "raw" ? caps.layout.bytes : 0 };
}
