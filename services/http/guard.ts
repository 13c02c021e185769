import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { SightlineError } from "../../runtime/base/errors.ts";

const LOOPBACK = /^(localhost|127(\.\d{1,3}){3}|\[::1\])(:\d+)?$/i;

/**
 * Who may ask. With a token: who sends it. Without one the server listens on loopback only, and then a page in the
 * device's own browser must not reach it under a name of its own (DNS rebinding) or from another origin.
 * Errors: ERR_HTTP_DENIED.
 */
export function admit(headers: IncomingHttpHeaders, token: string | undefined): void {
  const reason = token === undefined ? notLocal(headers) : notHolder(headers, token);
  if (reason !== undefined) throw new SightlineError("ERR_HTTP_DENIED", reason);
}

function notHolder({ authorization = "" }: IncomingHttpHeaders, token: string): string | undefined {
  const given = /^Bearer (.+)$/i.exec(authorization)?.[1];
  if (given === undefined) return "the request has no token";
  // Digests have one length, and comparing them takes one time.
  return timingSafeEqual(digest(given), digest(token)) ? undefined : "the token is wrong";
}

function notLocal({ host = "", origin }: IncomingHttpHeaders): string | undefined {
  if (!LOOPBACK.test(host)) return `"${host}" is not this device's own address`;
  const isForeign = origin !== undefined && !LOOPBACK.test(origin.replace(/^https?:\/\//, ""));
  return isForeign ? `requests from pages of ${origin} are not allowed` : undefined;
}

const digest = (text: string): Buffer => createHash("sha256").update(text).digest();
