import { open } from "node:fs/promises";
import { SightlineError } from "../../runtime/base/errors.ts";

/**
 * The part of ustar (POSIX.1-1988) that a bundle needs: plain files with short names. Whatever else a tar can
 * hold (links, devices, extended headers, sparse files) is what attacks on extractors are made of, and is refused.
 */
const BLOCK_BYTES = 512;
const MAX_ENTRIES = 4096;
/** Eleven octal digits. */
const MAX_FILE_BYTES = 8 ** 11 - 1;

/** Where a file's content lies in the tar. */
export interface TarEntry {
  name: string;
  offset: number;
  bytes: number;
}

/** What a tar is read from; `bytes` is its length. */
export interface TarInput {
  bytes: number;
  /** Fills `target` from `position`; less is an error. */
  read(target: Buffer, position: number): Promise<void>;
}

/** The files of a tar. Errors: ERR_MODEL_ARCHIVE for whatever is not a whole tar of plain files and folders. */
export async function readTar(input: TarInput): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  const block = Buffer.alloc(BLOCK_BYTES);
  for (let position = 0, seen = 0; ; seen++) {
    if (seen > MAX_ENTRIES) throw refusal(`more than ${MAX_ENTRIES} entries`);
    if (position + BLOCK_BYTES > input.bytes) throw refusal("it ends early");
    await input.read(block, position);
    position += BLOCK_BYTES;
    if (isZero(block)) {
      await expectZeros(input, position);
      return entries;
    }
    const { name, bytes, isFile } = parseHeader(block);
    if (position + bytes > input.bytes) throw refusal(`${name} ends early`);
    if (isFile) entries.push({ name, offset: position, bytes });
    position += padded(bytes);
  }
}

/** Writes a tar that depends on nothing but its files: no times, no owners. Errors: those of the file system. */
export async function writeTar(
  path: string,
  files: readonly {
    name: string;
    bytes: number;
    /** Opened when its turn comes. */
    content: () => AsyncIterable<Uint8Array> | Iterable<Uint8Array>;
  }[],
): Promise<void> {
  const tar = await open(path, "wx");
  try {
    for (const { name, bytes, content } of files) {
      await tar.writeFile(headerOf(name, bytes));
      let written = 0;
      for await (const chunk of content()) {
        await tar.writeFile(chunk);
        written += chunk.length;
      }
      if (written !== bytes) throw refusal(`${name} changed while it was read`);
      await tar.writeFile(Buffer.alloc(padded(bytes) - bytes));
    }
    await tar.writeFile(Buffer.alloc(2 * BLOCK_BYTES));
    await tar.sync();
  } finally {
    await tar.close();
  }
}

function parseHeader(block: Buffer): { name: string; bytes: number; isFile: boolean } {
  if (octal(block, 148, 156) !== checksum(block)) throw refusal("a header's checksum is wrong");
  const kind = text(block, 156, 157);
  const name = text(block, 0, 100).replace(/^\.\//, "");
  if (!text(block, 257, 263).startsWith("ustar")) throw refusal("it is not a ustar archive");
  if (kind === "5") return { name, bytes: 0, isFile: false };
  if (kind !== "0" && kind !== "") throw refusal(`${name} is not a regular file`);
  if (text(block, 345, 500) !== "") throw refusal(`the name that ends in ${name} is too long`);
  return { name, bytes: octal(block, 124, 136), isFile: true };
}

function headerOf(name: string, bytes: number): Buffer {
  if (Buffer.byteLength(name) > 100 || bytes > MAX_FILE_BYTES)
    throw refusal(`${name} is too large for a tar`);
  const block = Buffer.alloc(BLOCK_BYTES);
  const fields: [offset: number, value: string][] = [
    [0, name],
    [100, "0000444"],
    [108, "0000000"],
    [116, "0000000"],
    [124, bytes.toString(8).padStart(11, "0")],
    [136, "00000000000"],
    [156, "0"],
    [257, "ustar\u000000"],
  ];
  for (const [offset, value] of fields) block.write(value, offset);
  block.write(`${checksum(block).toString(8).padStart(6, "0")}\0 `, 148);
  return block;
}

/** The sum of a header's bytes, its own field taken for spaces. */
const checksum = (block: Buffer): number =>
  block.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 0x20 : byte), 0);

function text(block: Buffer, from: number, to: number): string {
  const field = block.subarray(from, to);
  const end = field.indexOf(0);
  return field.toString("latin1", 0, end < 0 ? field.length : end);
}

function octal(block: Buffer, from: number, to: number): number {
  const digits = text(block, from, to).trim();
  if (!/^[0-7]{1,11}$/.test(digits)) throw refusal("a number in a header is not octal");
  return Number.parseInt(digits, 8);
}

/** Behind the files there are zeros only: nothing hides there. */
async function expectZeros(input: TarInput, from: number): Promise<void> {
  const chunk = Buffer.alloc(2 ** 16);
  for (let position = from; position < input.bytes; position += chunk.length) {
    const piece = chunk.subarray(0, Math.min(chunk.length, input.bytes - position));
    await input.read(piece, position);
    if (!isZero(piece)) throw refusal("there is data after its end");
  }
}

const isZero = (bytes: Buffer): boolean => bytes.every((byte) => byte === 0);

const padded = (bytes: number): number => Math.ceil(bytes / BLOCK_BYTES) * BLOCK_BYTES;

const refusal = (message: string): SightlineError => new SightlineError("ERR_MODEL_ARCHIVE", message);
