import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { SightlineError } from "../../runtime/base/errors.ts";

/** A new pair of Ed25519 keys (RFC 8032) as PEM. */
export function makeKeys(): { privatePem: string; publicPem: string } {
  const { privateKey, publicKey } = generateKeyPairSync("ed25519", {
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  return { privatePem: privateKey, publicPem: publicKey };
}

/** What names a key in a signature: the sha256 of its public half as SPKI, 64 hexadecimal digits. */
export function keyIdOf(key: KeyObject): string {
  const publicKey = key.type === "private" ? createPublicKey(key) : key;
  return createHash("sha256")
    .update(publicKey.export({ type: "spki", format: "der" }))
    .digest("hex");
}

/** Errors: ERR_MODEL_KEY, also for a private key, which has no business where signatures are verified. */
export const readPublicKey = (file: string): Promise<KeyObject> =>
  readKey(file, "PUBLIC KEY", (pem) => createPublicKey(pem));

/** Errors: ERR_MODEL_KEY. */
export const readPrivateKey = (file: string): Promise<KeyObject> =>
  readKey(file, "PRIVATE KEY", (pem) => createPrivateKey(pem));

/**
 * The public keys (*.pem) of a folder; none when there is no such folder. One that cannot be read is an error:
 * to leave it out might leave none, and no signature would be asked for. Errors: ERR_MODEL_KEY.
 */
export async function readTrusted(folder: string): Promise<KeyObject[]> {
  let names: string[];
  try {
    names = await readdir(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw SightlineError.wrap("ERR_MODEL_KEY", error, folder);
  }
  const files = names.filter((name) => name.endsWith(".pem")).sort();
  return Promise.all(files.map((name) => readPublicKey(join(folder, name))));
}

async function readKey(file: string, label: string, parse: (pem: string) => KeyObject): Promise<KeyObject> {
  try {
    const pem = await readFile(file, "utf8");
    if (!pem.includes(`-----BEGIN ${label}-----`)) throw new Error(`there is no ${label} in it`);
    const key = parse(pem);
    if (key.asymmetricKeyType !== "ed25519") throw new Error(`it is a key of ${key.asymmetricKeyType}`);
    return key;
  } catch (error) {
    throw SightlineError.wrap("ERR_MODEL_KEY", error, file);
  }
}
