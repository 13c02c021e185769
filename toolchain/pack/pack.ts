import type { KeyObject } from "node:crypto";
import { copyFile, realpath, rename, writeFile } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { MANIFEST_FILE, readLabels } from "../../models/bundle/bundle.ts";
import {
  streamOf,
  textIfAny,
  textInBundle,
  type VerifiedFile,
  verifiedFile,
} from "../../models/bundle/files.ts";
import { type Manifest, parseManifest, type WrittenManifest } from "../../models/bundle/manifest.ts";
import { BLOB_FOLDER, blobFile, filesOf } from "../../models/bundle/packed.ts";
import {
  canonicalManifest,
  checkEnvelope,
  envelopeOf,
  SIGNATURE_FILE,
  type Signature,
  type Signed,
  signManifest,
} from "../../models/bundle/signature.ts";
import { writeTar } from "../../models/store/tar.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { makeFolder } from "../../runtime/base/make-folder.ts";
import { writeOut } from "./write-out.ts";

export interface PackOptions {
  /** A folder, or a tar file when it ends in `.tar`. */
  out: string;
  /** Signs the result. Signatures that are there stay when packing leaves the manifest as it is. */
  key?: KeyObject | undefined;
}

/**
 * Packs the bundle in `folder`: every file under its digest, the labels in the manifest, which then says all that
 * belongs to the bundle. Errors: as `openBundle`; ERR_MODEL_MANIFEST for weights whose name their graph would no
 * longer find, ERR_MODEL_WRITE.
 */
export async function packBundle(folder: string, { out, key }: PackOptions): Promise<Manifest> {
  const signed = await readBundle(folder);
  const place = await realpath(resolve(folder));
  refuseNamedWeights(signed.manifest);
  const files: VerifiedFile[] = [];
  for (const file of filesOf(signed.manifest)) files.push(await verifiedFile(place, file));
  const blobs = [...new Map(files.map((file) => [file.sha256, file])).values()];
  const text = packedText(signed.text, await readLabels(place, signed.manifest.labels));
  const packed = { text, manifest: parseManifest(text, out) };
  const kept =
    canonicalManifest(text) === canonicalManifest(signed.text) ? await signaturesIn(place, packed) : [];
  const texts = textsOf(packed, key ? withSignature(kept, signManifest(packed, key)) : kept);
  await writeOut(out, (temporary) => (out.endsWith(".tar") ? toTar : toFolder)(temporary, texts, blobs));
  return packed.manifest;
}

/**
 * Adds a signature to the bundle in `folder`, whose files are verified first. Errors: as `openBundle`;
 * ERR_MODEL_SIGNATURE, ERR_MODEL_WRITE.
 */
export async function signBundle(folder: string, key: KeyObject): Promise<Manifest> {
  const signed = await readBundle(folder);
  for (const file of filesOf(signed.manifest)) await verifiedFile(folder, file);
  const signature = signManifest(signed, key);
  const signatures = withSignature(await signaturesIn(folder, signed), signature);
  const path = join(folder, SIGNATURE_FILE);
  try {
    await writeFile(`${path}.part`, json(envelopeOf(signed.text, signatures)));
    await rename(`${path}.part`, path);
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_WRITE", error);
  }
  return signed.manifest;
}

async function readBundle(folder: string): Promise<Signed> {
  const text = await textInBundle(folder, MANIFEST_FILE);
  return { text, manifest: parseManifest(text, join(folder, MANIFEST_FILE)) };
}

/** Those of an envelope around this very manifest; one around another is of no use any more. */
async function signaturesIn(folder: string, signed: Signed): Promise<Signature[]> {
  const text = await textIfAny(folder, SIGNATURE_FILE);
  try {
    return text === undefined ? [] : checkEnvelope(text, signed).signatures;
  } catch {
    return [];
  }
}

const withSignature = (signatures: readonly Signature[], added: Signature): Signature[] => [
  ...signatures.filter(({ keyid }) => keyid !== added.keyid),
  added,
];

/** A graph names its weights' file in itself, where packing cannot change it. */
function refuseNamedWeights({ name, variants }: Manifest): void {
  const weights = variants.flatMap(({ stages }) => stages.flatMap((stage) => stage.weights ?? []));
  const named = weights.find(({ file, sha256 }) => basename(file) !== sha256);
  if (!named) return;
  const hint = `Name the file ${named.sha256} in the graph's external_data and in the manifest.`;
  throw new SightlineError("ERR_MODEL_MANIFEST", `${name}: the graph refers to ${named.file}`, { hint });
}

function packedText(text: string, labels: readonly string[]): string {
  const written: WrittenManifest = JSON.parse(text);
  const variants = written.variants.map((variant) => ({
    ...variant,
    stages: variant.stages.map((stage) => ({
      ...stage,
      file: blobFile(stage.sha256),
      ...(stage.weights && { weights: { ...stage.weights, file: blobFile(stage.weights.sha256) } }),
    })),
  }));
  return json({ ...written, labels, variants });
}

function textsOf({ text }: Signed, signatures: readonly Signature[]): [name: string, content: string][] {
  if (signatures.length === 0) return [[MANIFEST_FILE, text]];
  return [
    [MANIFEST_FILE, text],
    [SIGNATURE_FILE, json(envelopeOf(text, signatures))],
  ];
}

async function toFolder(
  folder: string,
  texts: [name: string, content: string][],
  blobs: readonly VerifiedFile[],
): Promise<void> {
  makeFolder(join(folder, BLOB_FOLDER));
  for (const { path, sha256 } of blobs) await copyFile(path, join(folder, blobFile(sha256)));
  for (const [name, content] of texts) await writeFile(join(folder, name), content);
}

function toTar(
  file: string,
  texts: [name: string, content: string][],
  blobs: readonly VerifiedFile[],
): Promise<void> {
  const small = texts.map(([name, content]) => ({
    name,
    bytes: Buffer.byteLength(content),
    content: () => [Buffer.from(content)],
  }));
  const large = blobs.map(({ path, sha256, bytes }) => ({
    name: blobFile(sha256),
    bytes,
    content: () => streamOf(path, bytes),
  }));
  return writeTar(file, [...small, ...large]);
}

const json = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
