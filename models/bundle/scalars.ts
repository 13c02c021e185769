import * as z from "zod";

export const name = z
  .string()
  .regex(/^[a-z0-9_-]{1,64}$/)
  .meta({ "x-noun": "a name of 1 to 64 of a-z, 0-9, _ and -" });

export const version = z
  .string()
  .regex(/^\d{1,9}\.\d{1,9}\.\d{1,9}$/)
  .meta({ "x-noun": 'a version such as "1.0.0"' });

/** Relative to the bundle's folder and inside it; links are looked at when the bundle is opened. */
export const filePath = z
  .string()
  .regex(/^(?!\/)(?!(.*\/)?\.\.(\/|$))[^\\\p{Cc}]{1,1024}$/u)
  .meta({ "x-noun": "a relative path inside the bundle, with / and without .." });

export const sha256 = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .meta({ "x-noun": "a sha256 of 64 lower-case hexadecimal digits" });

export const tensorName = z.string().min(1).max(256);
