import * as z from "zod";
import { bytesText, durationText, parseBytes, parseDurationMs } from "../../runtime/base/units.ts";

/** Names that users choose, in YAML and in MQTT topics. */
export const id = z
  .string()
  .regex(/^[a-z0-9_-]{1,64}$/)
  .meta({
    "x-noun": "a name of 1 to 64 of a-z, 0-9, _ and -",
  });

/** Text without control characters. */
export const text = z
  .string()
  .regex(/^[^\p{Cc}]{1,256}$/u, { abort: true })
  .meta({ "x-noun": "text of 1 to 256 characters" });

/** A file or folder; relative to the configuration file's folder. */
export const path = z
  .string()
  .regex(/^[^\p{Cc}]{1,4096}$/u)
  .meta({ "x-noun": "a path", "x-path": true });

/** Text that is never shown and never logged. */
export const secret = z.string().min(1).meta({ "x-secret": true });

export const positiveNumber = z.number().positive();

/** `"250ms"` in the file, whole milliseconds in the parsed result. Both ends of the range are allowed. */
export function duration(range: { min: string; max: string; example: string }) {
  return quantity({
    ...range,
    noun: "a duration",
    units: ["ms", "s", "m"],
    pattern: /^\d+(\.\d+)?\s*(ms|s|m|h|d)$/,
    parse: (written) => Math.round(parseDurationMs(written) ?? Number.NaN),
    print: durationText,
  });
}

/** `"64MiB"` in the file, bytes in the parsed result. Both ends of the range are allowed. */
export function size(range: { min: string; max: string; example: string }) {
  return quantity({
    ...range,
    noun: "a size",
    units: ["KiB", "MiB", "GiB"],
    pattern: /^\d+(\.\d+)?\s*(B|KiB|MiB|GiB|kB|MB|GB)$/,
    parse: (written) => parseBytes(written) ?? Number.NaN,
    print: bytesText,
  });
}

interface Quantity {
  min: string;
  max: string;
  example: string;
  noun: string;
  units: string[];
  pattern: RegExp;
  parse: (written: string) => number;
  print: (amount: number) => string;
}

function quantity({ min, max, example, noun, units, pattern, parse, print }: Quantity) {
  const written = z
    .string()
    .regex(pattern)
    .meta({ "x-noun": `${noun} such as "${example}"`, "x-units": units });
  const inRange = z.number().refine((amount) => amount >= parse(min) && amount <= parse(max), {
    error: `must be ${noun} from "${min}" to "${max}"`,
  });
  return z.codec(written, inRange, { decode: parse, encode: print });
}
