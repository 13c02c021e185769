import { type FileHandle, open, realpath } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { SightlineError } from "../../runtime/base/errors.ts";
import { elementType, packedBytes } from "./element-types.ts";
import { type ModelProto, type TensorProto, TensorProto_DataLocation } from "./proto/onnx_pb.js";
import { quote } from "./quote.ts";
import { elementCount, isExternal } from "./tensor.ts";
import { tensorsOf } from "./walk.ts";

/**
 * Brings the weights that stand in files of `folder` into the model. A location that leaves the folder, be it by
 * `..` or through a link, is refused: the file is somebody's upload, and what it names would be read with our rights.
 * Errors: ERR_ONNX_EXTERNAL, ERR_ONNX_TENSOR.
 */
export async function readExternalData(model: ModelProto, folder: string): Promise<void> {
  const files = new Map<string, Promise<FileHandle>>();
  try {
    for (const tensor of tensorsOf(model).filter(isExternal)) {
      const { location, offset, length } = describe(tensor);
      const file = files.get(location) ?? openInside(folder, location, tensor);
      files.set(location, file);
      tensor.rawData = await readPart(await file, { offset, length }, tensor);
      tensor.externalData = [];
      tensor.dataLocation = TensorProto_DataLocation.DEFAULT;
    }
  } finally {
    for (const file of await Promise.allSettled(files.values())) {
      if (file.status === "fulfilled") await file.value.close();
    }
  }
}

/** Where the tensor stands; its length follows from its shape, and a length that is written must agree. */
function describe(tensor: TensorProto): { location: string; offset: number; length: number } {
  const entries = new Map(tensor.externalData.map(({ key, value }) => [key, value]));
  const type = elementType(tensor.dataType);
  if (type === undefined) throw bad(tensor, `has elements of type ${tensor.dataType}`);
  const length = packedBytes(elementCount(tensor), type);
  const written = wholeNumber(entries.get("length") ?? String(length));
  const offset = wholeNumber(entries.get("offset") ?? "0");
  if (offset === undefined || written === undefined)
    throw bad(tensor, "has an offset or length that is not a number");
  if (written !== length) throw bad(tensor, `stores ${written} bytes, its shape requires ${length}`);
  return { location: entries.get("location") ?? "", offset, length };
}

function wholeNumber(text: string): number | undefined {
  const value = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  return Number.isSafeInteger(value) ? value : undefined;
}

async function openInside(folder: string, location: string, tensor: TensorProto): Promise<FileHandle> {
  const isPlain = /^(?!\/)[^\\\p{Cc}]{1,1024}$/u.test(location) && !location.split("/").includes("..");
  if (!isPlain) throw bad(tensor, `names the file ${quote(location)}`);
  const opened = await openReal(folder, location, tensor);
  if ((await opened.stat()).isFile()) return opened;
  await opened.close();
  throw bad(tensor, `is in ${quote(location)}, which is not a regular file`);
}

async function openReal(folder: string, location: string, tensor: TensorProto): Promise<FileHandle> {
  try {
    const path = await realpath(resolve(folder, location));
    if (path.startsWith((await realpath(folder)) + sep)) return await open(path);
  } catch (error) {
    throw SightlineError.wrap("ERR_ONNX_EXTERNAL", error, `tensor ${quote(tensor.name)}`);
  }
  throw bad(tensor, `is in ${quote(location)}, which is outside the model's folder`);
}

async function readPart(
  file: FileHandle,
  { offset, length }: { offset: number; length: number },
  tensor: TensorProto,
): Promise<Uint8Array<ArrayBuffer>> {
  const { size } = await file.stat();
  // Asked before the memory is: a shape of a terabyte is quickly written.
  if (offset + length > size) throw bad(tensor, `ends at byte ${offset + length} of a file of ${size}`);
  const bytes = new Uint8Array(length);
  let at = 0;
  while (at < length) {
    const { bytesRead } = await file.read(bytes, at, Math.min(length - at, 2 ** 30), offset + at);
    if (bytesRead === 0) throw bad(tensor, "is in a file that was truncated while it was read");
    at += bytesRead;
  }
  return bytes;
}

const bad = ({ name }: TensorProto, why: string): SightlineError =>
  new SightlineError("ERR_ONNX_EXTERNAL", `tensor ${quote(name)} ${why}`);
