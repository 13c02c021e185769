import { createHash } from "node:crypto";
import { uuidText } from "./uuid-v7.ts";

/** A UUID of version 8 (RFC 9562 §5.8): the first bits of the name's SHA-256, so that one name has one id everywhere. */
export function uuidV8(name: string): string {
  const bytes = createHash("sha256").update(name).digest().subarray(0, 16);
  bytes[6] = 0x80 | ((bytes[6] ?? 0) & 0x0f);
  bytes[8] = 0x80 | ((bytes[8] ?? 0) & 0x3f);
  return uuidText(bytes);
}
