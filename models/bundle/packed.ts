import { SightlineError } from "../../runtime/base/errors.ts";
import type { Manifest, Stage } from "./manifest.ts";

/** A file that a manifest names. */
export interface BundleFile {
  /** Relative to the bundle's folder. */
  file: string;
  sha256: string;
  bytes: number;
}

/**
 * Where a packed bundle keeps a file: under its digest, as an OCI image layout does
 * (https://github.com/opencontainers/image-spec/blob/main/image-layout.md). All lie in one folder, so that a
 * graph finds its weights beside it.
 */
export const blobFile = (sha256: string): string => `${BLOB_FOLDER}/${sha256}`;
export const BLOB_FOLDER = "blobs/sha256";

/** A stage's graph and, where there are any, its weights. */
export const filesOfStage = ({ file, sha256, bytes, weights }: Stage): BundleFile[] => [
  { file, sha256, bytes },
  ...(weights ? [{ file: weights.file, sha256: weights.sha256, bytes: weights.bytes }] : []),
];

/** The files of all variants, each once. */
export function filesOf({ variants }: Manifest): BundleFile[] {
  const files = variants.flatMap(({ stages }) => stages.flatMap(filesOfStage));
  return [...new Map(files.map((file) => [JSON.stringify(file), file])).values()];
}

/**
 * The same of a packed bundle, whose manifest alone says what belongs to it. Errors: ERR_MODEL_MANIFEST when a
 * file has another place than its digest's, or the labels stand in a file of their own.
 */
export function blobsOf(manifest: Manifest): BundleFile[] {
  const files = filesOf(manifest);
  const stray = files.find(({ file, sha256 }) => file !== blobFile(sha256))?.file;
  const unpacked = typeof manifest.labels === "string" ? manifest.labels : stray;
  if (unpacked === undefined) return files;
  throw new SightlineError("ERR_MODEL_MANIFEST", `${manifest.name} is not packed: it has ${unpacked}`, {
    hint: "Pack it first: `sightline model bundle FOLDER -o OUT`.",
  });
}
