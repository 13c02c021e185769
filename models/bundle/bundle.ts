import type { KeyObject } from "node:crypto";
import { realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SightlineError } from "../../runtime/base/errors.ts";
import { textIfAny, textInBundle, type VerifiedFile, verifiedFile } from "./files.ts";
import { type Manifest, parseManifest, type Stage, type Variant } from "./manifest.ts";
import { filesOfStage } from "./packed.ts";
import { checkSignature, SIGNATURE_FILE } from "./signature.ts";
import type { VerifiedBefore } from "./verified-before.ts";

/** A model that is there in full: manifest valid, labels read, the chosen variant's files verified. */
export interface Bundle {
  /** Absolute, links resolved: all of the bundle comes from here, also when a link to it is changed meanwhile. */
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

/** The graph of a stage, with what the manifest says about it; `readVerified` gives its bytes. */
export interface StageFile extends VerifiedFile {
  /** The graph's ONNX `external_data`, which is to be mapped rather than read. */
  weights?: VerifiedFile;
  /** Tensors that come from the model's input or from earlier stages. */
  inputs?: readonly string[];
  outputs?: readonly string[];
}

export interface OpenOptions {
  /** Targets that this machine can run, best first: `["linux-arm64-dotprod", "any"]`. Left out: `["any"]`. */
  targets?: readonly string[];
  /** Takes the variant of this name instead, whatever machine it is for. */
  variant?: string | undefined;
  /** With at least one, the bundle has to be signed by one of them. */
  trusted?: readonly KeyObject[];
  /** Files that need not be read to be known. */
  before?: VerifiedBefore | undefined;
}

export const MANIFEST_FILE = "manifest.json";

/**
 * Opens the bundle in `folder`, which may be a link to one. Errors: ERR_MODEL_MISSING (a file is not there),
 * ERR_MODEL_MANIFEST (not valid, a path leaves the folder, no labels, no variant for `targets`),
 * ERR_MODEL_SIGNATURE (not signed by a trusted key), ERR_MODEL_DIGEST (size or sha256 differ).
 */
export async function openBundle(
  folder: string,
  { before, targets = ["any"], trusted = [], variant: wanted }: OpenOptions = {},
): Promise<Bundle> {
  const place = await placeOf(folder);
  const text = await textInBundle(place, MANIFEST_FILE);
  const manifest = parseManifest(text, join(place, MANIFEST_FILE));
  if (trusted.length > 0) {
    checkSignature(await textIfAny(place, SIGNATURE_FILE), { text, manifest, trusted });
  }
  const labels = await readLabels(place, manifest.labels);
  const variant =
    wanted === undefined ? chooseVariant(place, manifest, targets) : namedVariant(place, manifest, wanted);
  const stages: StageFile[] = [];
  for (const stage of variant.stages) stages.push(await openStage(place, stage, before));
  return { folder: place, manifest, labels, variant, stages, bytes: bytesOf(variant) };
}

async function openStage(
  folder: string,
  { weights, inputs, outputs, ...graph }: Stage,
  before: VerifiedBefore | undefined,
): Promise<StageFile> {
  const file = await verifiedFile(folder, graph, before);
  const mapped = weights && (await verifiedFile(folder, weights, before));
  return { ...file, weights: mapped, inputs, outputs };
}

async function placeOf(folder: string): Promise<string> {
  try {
    return await realpath(resolve(folder));
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_MISSING", error, resolve(folder));
  }
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
  const files = variants.flatMap((variant) => variant.stages).flatMap(filesOfStage);
  const sizes = new Map(files.map(({ sha256, bytes }) => [sha256, bytes]));
  const bytes = [...sizes.values()].reduce((sum, size) => sum + size, 0);
  return { folder, name, version, variants: variants.map((variant) => variant.name), bytes };
}

/** A model's labels, from its manifest or the file that it names. Errors: ERR_MODEL_MISSING, ERR_MODEL_MANIFEST. */
export async function readLabels(folder: string, labels: Manifest["labels"]): Promise<string[]> {
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

function namedVariant(folder: string, { variants }: Manifest, wanted: string): Variant {
  const match = variants.find(({ name }) => name === wanted);
  if (match) return match;
  const offered = variants.map(({ name }) => name).join(", ");
  throw new SightlineError("ERR_MODEL_MANIFEST", `${folder}: no variant "${wanted}"; there are ${offered}`);
}

const bytesOf = ({ stages }: Variant): number =>
  stages.flatMap(filesOfStage).reduce((sum, { bytes }) => sum + bytes, 0);
