import { SightlineError } from "../../runtime/base/errors.ts";
import type { Manifest } from "./manifest.ts";

/** Where and when a model is to be installed. */
export interface RequirementsContext {
  /** Wall clock, milliseconds since 1970. */
  nowMs: number;
  /** Sightline's own version. */
  runtime: string;
}

/** Whether a model may be installed here and now. Errors: ERR_MODEL_EXPIRED, ERR_MODEL_RUNTIME. */
export function checkRequirements(manifest: Manifest, { nowMs, runtime }: RequirementsContext): void {
  const { name, version, expires, min_runtime } = manifest;
  if (expires !== undefined && Date.parse(expires) <= nowMs) {
    throw new SightlineError("ERR_MODEL_EXPIRED", `${name} ${version} expired at ${expires}`);
  }
  if (min_runtime !== undefined && compareVersions(min_runtime, runtime) > 0) {
    const message = `${name} ${version} needs Sightline ${min_runtime}, this is ${runtime}`;
    throw new SightlineError("ERR_MODEL_RUNTIME", message);
  }
}

/** Negative when `a` is the older of two versions of three numbers, 0 when they are equal. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(".").map((part) => Number.parseInt(part, 10)));
  const differences = (left ?? []).map((part, i) => part - (right?.[i] ?? 0));
  return differences.find((difference) => difference !== 0) ?? 0;
}
