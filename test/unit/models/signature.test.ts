import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import {
  keyIdOf,
  makeKeys,
  readPrivateKey,
  readPublicKey,
  readTrusted,
} from "../../../models/bundle/keys.ts";
import { parseManifest } from "../../../models/bundle/manifest.ts";
import {
  checkSignature,
  envelopeOf,
  preAuthEncoding,
  type Signature,
  signManifest,
} from "../../../models/bundle/signature.ts";
import { tempFolder } from "../../support/temp-folder.ts";
import { manifest } from "./manifest.ts";

const refused = (code: string, message: string) =>
  expect.objectContaining({ code, message: expect.stringContaining(message) });

function keyPair(): { key: KeyObject; trusted: KeyObject } {
  const { privatePem, publicPem } = makeKeys();
  return { key: createPrivateKey(privatePem), trusted: createPublicKey(publicPem) };
}

const signedOf = (value: object) => {
  const text = JSON.stringify(value);
  return { text, manifest: parseManifest(text, "manifest.json") };
};
const [ours, others] = [keyPair(), keyPair()];
const signed = signedOf(manifest());
const envelope = (...signatures: Signature[]) => JSON.stringify(envelopeOf(signed.text, signatures));
const check = (text: string | undefined, of = signed, trusted = [ours.trusted]) =>
  checkSignature(text, { ...of, trusted });

describe("a manifest's signature", () => {
  it("is over the encoding of the DSSE protocol", () => {
    const encoded = preAuthEncoding(Buffer.from("hello world"), "http://example.com/HelloWorld");
    expect(encoded.toString()).toBe("DSSEv1 29 http://example.com/HelloWorld 11 hello world");
  });

  it("is accepted from any one trusted key, and names it", () => {
    const both = envelope(signManifest(signed, others.key), signManifest(signed, ours.key));
    expect(check(both)).toBe(keyIdOf(ours.trusted));
    expect(check(envelope(signManifest(signed, ours.key)), signed, [others.trusted, ours.trusted])).toBe(
      keyIdOf(ours.key),
    );
  });

  it("holds for the same manifest in another order", () => {
    const { name, ...rest } = manifest();
    expect(check(envelope(signManifest(signed, ours.key)), signedOf({ ...rest, name }))).toBe(
      keyIdOf(ours.key),
    );
  });

  it("does not hold for another manifest", () => {
    const text = envelope(signManifest(signed, ours.key));
    expect(() => check(text, signedOf({ ...manifest(), version: "9.0.0" }))).toThrow(
      refused("ERR_MODEL_SIGNATURE", "differs from the one that was signed"),
    );
  });

  it("is refused when it is missing, a stranger's, or a stranger's under a trusted name", () => {
    expect(() => check(undefined)).toThrow(refused("ERR_MODEL_SIGNATURE", "has no manifest.sig.json"));
    const theirs = signManifest(signed, others.key);
    expect(() => check(envelope(theirs))).toThrow(refused("ERR_MODEL_SIGNATURE", "made by a trusted key"));
    expect(() => check(envelope({ ...theirs, keyid: keyIdOf(ours.key) }))).toThrow(
      refused("ERR_MODEL_SIGNATURE", "made by a trusted key"),
    );
  });

  it("is refused when its envelope is of another kind", () => {
    const good = JSON.parse(envelope(signManifest(signed, ours.key)));
    const bad = [
      { payloadType: "text/plain" },
      { signatures: [] },
      { payload: "?" },
      { extra: 1 },
      { payload: "" },
    ];
    for (const change of bad) {
      expect(() => check(JSON.stringify({ ...good, ...change }))).toThrow(refused("ERR_MODEL_SIGNATURE", ""));
    }
    expect(() => check("{")).toThrow(refused("ERR_MODEL_SIGNATURE", "not a DSSE envelope"));
  });

  it("is not made where the labels stand in a file without a digest", () => {
    const open = signedOf({ ...manifest(), labels: "labels.txt" });
    expect(() => signManifest(open, ours.key)).toThrow(refused("ERR_MODEL_SIGNATURE", "covers labels.txt"));
  });
});

describe("keys", () => {
  it("are read back from PEM files, public ones from a folder, too", async () => {
    const folder = await tempFolder();
    const { privatePem, publicPem } = makeKeys();
    await writeFile(join(folder, "a.key.pem"), privatePem);
    await mkdir(join(folder, "trust"));
    await writeFile(join(folder, "trust/a.pub.pem"), publicPem);
    await writeFile(join(folder, "trust/notes.txt"), "not a key");
    const key = await readPrivateKey(join(folder, "a.key.pem"));
    const [trusted] = await readTrusted(join(folder, "trust"));
    expect(trusted && keyIdOf(trusted)).toBe(keyIdOf(key));
    expect(await readTrusted(join(folder, "absent"))).toEqual([]);
  });

  it("are refused when they are of the other half, of another kind or none", async () => {
    const folder = await tempFolder();
    const file = join(folder, "k.pem");
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const { privatePem, publicPem } = makeKeys();
    await writeFile(file, privatePem);
    await expect(readPublicKey(file)).rejects.toEqual(refused("ERR_MODEL_KEY", "no PUBLIC KEY"));
    await expect(readTrusted(folder)).rejects.toEqual(refused("ERR_MODEL_KEY", file));
    await writeFile(file, publicPem);
    await expect(readPrivateKey(file)).rejects.toEqual(refused("ERR_MODEL_KEY", "no PRIVATE KEY"));
    await writeFile(file, rsa.publicKey.export({ type: "spki", format: "pem" }));
    await expect(readPublicKey(file)).rejects.toEqual(refused("ERR_MODEL_KEY", "a key of rsa"));
    await writeFile(file, "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
    await expect(readPublicKey(file)).rejects.toEqual(refused("ERR_MODEL_KEY", file));
    await expect(readPublicKey(join(folder, "absent.pem"))).rejects.toEqual(
      refused("ERR_MODEL_KEY", "ENOENT"),
    );
  });
});
