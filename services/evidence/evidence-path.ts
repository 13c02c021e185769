import { join } from "node:path";
import type { Verdict } from "../../runtime/pipeline/decide.ts";
import type { Picture } from "../../runtime/pipeline/frame.ts";
import type { EvidenceLink } from "../../runtime/pipeline/result.ts";

/** Of a result, what names its pictures. */
export interface About {
  id: string;
  verdict: Verdict;
  capturedAtMs: number;
}

/** The least valuable first: what has to go when room runs out. */
export const VERDICTS = ["pass", "error", "review", "fail"] as const satisfies readonly Verdict[];

const PATH = /^\d{4}\/\d\d\/\d\d\/\d\d\/[0-9a-f-]{36}\/(pass|error|review|fail)-(raw|annotated)\.[a-z]{3,4}$/;

/** `2026/11/21/22/0192f3…/fail-raw.jpg`, by UTC. The verdict is in the name: people see it, and so does retention. */
export function evidencePath(about: About, kind: EvidenceLink["kind"], extension: string): string {
  return join(hourPath(about.capturedAtMs), about.id, `${about.verdict}-${kind}.${extension}`);
}

export const isEvidencePath = (path: string): boolean => PATH.test(path);

/** `2026/11/21/22` */
export const hourPath = (ms: number): string => new Date(ms).toISOString().slice(0, 13).replace(/[-T]/g, "/");

/** When the hour of such a path began, or NaN when it is none. */
export const hourStartMs = (path: string): number =>
  Date.parse(path.replace(/^(\d{4})\/(\d\d)\/(\d\d)\/(\d\d)$/, "$1-$2-$3T$4:00:00Z"));

const MAGIC: readonly [extension: string, prefix: string][] = [
  ["jpg", "ffd8ff"],
  ["png", "89504e47"],
  ["webp", "52494646"],
  ["tiff", "49492a00"],
  ["tiff", "4d4d002a"],
];

/** By its first bytes; `bin` is what could not be read as a picture. Pixels become a JPEG. */
export function extensionOf(picture: Picture): string {
  if (picture.encoding === "raw") return "jpg";
  const start = Buffer.from(picture.bytes.subarray(0, 4)).toString("hex");
  return MAGIC.find(([, prefix]) => start.startsWith(prefix))?.[0] ?? "bin";
}
