import { type KeyObject, sign, verify } from "node:crypto";
import * as z from "zod";
import { SightlineError } from "../../runtime/base/errors.ts";
import { canonicalJson } from "./canonical-json.ts";
import { keyIdOf } from "./keys.ts";
import type { Manifest } from "./manifest.ts";
import { sha256 } from "./scalars.ts";

export const SIGNATURE_FILE = "manifest.sig.json";

const PAYLOAD_TYPE = "application/vnd.sightline.model+json";

/** A DSSE envelope: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/envelope.md */
const envelopeSchema = z.strictObject({
  payloadType: z.literal(PAYLOAD_TYPE),
  payload: z.base64(),
  signatures: z
    .array(z.strictObject({ keyid: sha256, sig: z.base64() }))
    .min(1)
    .max(16),
});

export type Envelope = z.output<typeof envelopeSchema>;
export type Signature = Envelope["signatures"][number];

/** The manifest that is signed. */
export interface Signed {
  text: string;
  manifest: Manifest;
}

/** Text → the one text that is signed, whatever the order of its keys. Errors: ERR_MODEL_MANIFEST. */
export const canonicalManifest = (text: string): string => canonicalJson(JSON.parse(text));

/** Signs a manifest. Errors: ERR_MODEL_SIGNATURE when it names a file without a digest. */
export function signManifest(signed: Signed, key: KeyObject): Signature {
  refuseUncovered(signed.manifest);
  const payload = Buffer.from(canonicalManifest(signed.text));
  return { keyid: keyIdOf(key), sig: sign(null, preAuthEncoding(payload), key).toString("base64") };
}

/** The envelope around a manifest's signatures. */
export const envelopeOf = (text: string, signatures: readonly Signature[]): Envelope => ({
  payloadType: PAYLOAD_TYPE,
  payload: Buffer.from(canonicalManifest(text)).toString("base64"),
  signatures: [...signatures],
});

/**
 * Gives the id of the first of the `trusted` keys that signed this very manifest; one is enough. Errors:
 * ERR_MODEL_SIGNATURE (no envelope, signed something else, no trusted key, a file that no digest covers).
 */
export function checkSignature(
  envelope: string | undefined,
  { text, manifest, trusted }: Signed & { trusted: readonly KeyObject[] },
): string {
  refuseUncovered(manifest);
  const { signatures } = checkEnvelope(envelope, { text, manifest });
  const message = preAuthEncoding(Buffer.from(canonicalManifest(text)));
  for (const { sig } of signatures) {
    // The id is a hint that nothing protects; only the keys count.
    const key = trusted.find((candidate) => verify(null, message, candidate, Buffer.from(sig, "base64")));
    if (key) return keyIdOf(key);
  }
  const ids = signatures.map(({ keyid }) => keyid.slice(0, 16)).join(", ");
  throw refusal(manifest, `none of its signatures, which name ${ids}, was made by a trusted key`);
}

/** An envelope that holds this very manifest; who signed it is not looked at. Errors: ERR_MODEL_SIGNATURE. */
export function checkEnvelope(envelope: string | undefined, { text, manifest }: Signed): Envelope {
  if (envelope === undefined) throw refusal(manifest, `it has no ${SIGNATURE_FILE}`);
  const parsed = envelopeSchema.safeParse(jsonOf(envelope));
  if (!parsed.success) throw refusal(manifest, `its ${SIGNATURE_FILE} is not a DSSE envelope of a model`);
  const payload = Buffer.from(parsed.data.payload, "base64");
  if (payload.equals(Buffer.from(canonicalManifest(text)))) return parsed.data;
  throw refusal(manifest, "its manifest differs from the one that was signed");
}

/** DSSE's PAE: https://github.com/secure-systems-lab/dsse/blob/v1.0.2/protocol.md */
export function preAuthEncoding(payload: Buffer, type = PAYLOAD_TYPE): Buffer {
  const head = `DSSEv1 ${Buffer.byteLength(type)} ${type} ${payload.length} `;
  return Buffer.concat([Buffer.from(head), payload]);
}

function refuseUncovered(manifest: Manifest): void {
  if (typeof manifest.labels !== "string") return;
  const message = `no signature covers ${manifest.labels}: its digest is not in the manifest`;
  const hint = "`sightline model bundle` writes the labels into the manifest.";
  throw new SightlineError("ERR_MODEL_SIGNATURE", `${manifest.name}: ${message}`, { hint });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

const refusal = ({ name, version }: Manifest, message: string): SightlineError =>
  new SightlineError("ERR_MODEL_SIGNATURE", `${name} ${version}: ${message}`);
