import { join, resolve } from "node:path";
import { SightlineError } from "../../runtime/base/errors.ts";
import { fileInBundle, textInBundle, verify } from "./files.ts";
import { type Manifest, parseManifest, type Variant } from "./manifest.ts";

/** A model that is there in full: manifest valid, labels read, the chosen variant's files verified. */
export interface Bundle {
  /** Absolute. */
  folder: string;
  manifest: Manifest;
  /** The label of class i; at least one. */
  labels: readonly string[];
  variant: Variant;
  /** The variant's files in the order in which they run. */
  stages: readonly StageFile[];
  /** Sum of the stages' sizes. */
  bytes: number;
}

export interface StageFile {
  /** Absolute, links resolved. */
  path: string;
  bytes: number;
  sha256: string;
}

export interface OpenOptions {
  /** Targets that this machine can run, best first: `["linux-arm64-dotprod", "any"]`. Left out: `["any"]`. */
  targets?: readonly string[];
}

export const MANIFEST_FILE = "manifest.json";

/**
 * Opens the bundle in `folder`. Errors: ERR_MODEL_MISSING (a file is not there), ERR_MODEL_MANIFEST (not valid, a
 * path leaves the folder, no labels, no variant for `targets`), ERR_MODEL_DIGEST (size or sha256 differ).
 */
export async function openBundle(folder: string, { targets = ["any"] }: OpenOptions = {}): Promise<Bundle> {
  const absolute = resolve(folder);
  const manifest = await readManifest(absolute);
  const labels = await readLabels(absolute, manifest.labels);
  const variant = chooseVariant(absolute, manifest, targets);
  const stages: StageFile[] = [];
  for (const { file, sha256, bytes } of variant.stages) {
    const found = await fileInBundle(absolute, file);
    await verify(found, { sha256, bytes });
    stages.push({ ...found, sha256 });
  }
  return { folder: absolute, manifest, labels, variant, stages, bytes: bytesOf(variant) };
}

/** What stands in a list of bundles: as the manifest says, its files not verified. */
export interface BundleSummary {
  folder: string;
  name: string;
  version: string;
  variants: string[];
  /** Of all variants, files that several share counted once. */
  bytes: number;
}

/** One entry a folder, in the same order; a folder that does not hold a valid manifest gives its error. */
export function listBundles(
  folders: readonly string[],
): Promise<(BundleSummary | { folder: string; error: SightlineError })[]> {
  return Promise.all(
    folders.map(async (folder) => {
      try {
        return summary(folder, await readManifest(resolve(folder)));
      } catch (error) {
        return { folder, error: SightlineError.wrap("ERR_MODEL_MISSING", error, folder) };
      }
    }),
  );
}

async function readManifest(folder: string): Promise<Manifest> {
  return parseManifest(await textInBundle(folder, MANIFEST_FILE), join(folder, MANIFEST_FILE));
}

function summary(folder: string, { name, version, variants }: Manifest): BundleSummary {
  const stages = variants.flatMap((variant) => variant.stages);
  const sizes = new Map(stages.map(({ sha256, bytes }) => [sha256, bytes]));
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return { folder, name, version, variants: variants.map((variant) => variant.name), bytes };
}

async function readLabels(folder: string, labels: Manifest["labels"]): Promise<string[]> {
  if (typeof labels !== "string") return labels;
  const lines = (await textInBundle(folder, labels)).split(/\r?\n/).map((line) => line.trim());
  const written = lines.slice(0, lines.findLastIndex((line) => line !== "") + 1);
  if (written.length === 0)
    throw new SightlineError("ERR_MODEL_MANIFEST", `${folder}: ${labels} has no labels`);
  const empty = written.indexOf("");
  if (empty < 0) return written;
  throw new SightlineError("ERR_MODEL_MANIFEST", `${folder}: ${labels}: line ${empty + 1} is empty`);
}

function chooseVariant(folder: string, { variants }: Manifest, targets: readonly string[]): Variant {
  for (const target of targets) {
    const match = variants.find((variant) => variant.targets.includes(target));
    if (match) return match;
  }
  const offered = variants.flatMap((variant) => variant.targets).join(", ");
  const message = `${folder}: no variant for ${targets.join(", ")}; there are ${offered}`;
  throw new SightlineError("ERR_MODEL_MANIFEST", message);
}

const bytesOf = ({ stages }: Variant): number => stages.reduce((sum, { bytes }) => sum + bytes, 0);
