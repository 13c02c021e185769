import { existsSync, readdirSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { SightlineError } from "../base/errors.ts";

const FILE = "libonnxruntime.so.1";

/**
 * Path of the ONNX Runtime library: `configured` (a board's own build) when given, else the one that the
 * package onnxruntime-node ships for this machine. Errors: ERR_ORT_LIBRARY when there is none.
 */
export function findOnnxRuntimeLibrary(configured?: string): string {
  if (configured === undefined) return shippedLibrary();
  if (existsSync(configured)) return configured;
  throw new SightlineError("ERR_ORT_LIBRARY", `${configured} does not exist`);
}

function shippedLibrary(): string {
  const folder = join(packageFolder(), "bin");
  const interfaces = existsSync(folder)
    ? readdirSync(folder).filter((name) => name.startsWith("napi-v"))
    : [];
  for (const name of interfaces) {
    const path = join(folder, name, process.platform, process.arch, FILE);
    if (existsSync(path)) return path;
  }
  throw new SightlineError(
    "ERR_ORT_LIBRARY",
    `onnxruntime-node has no ${FILE} for ${process.platform} on ${process.arch} in ${folder}`,
  );
}

function packageFolder(): string {
  try {
    return dirname(createRequire(import.meta.url).resolve("onnxruntime-node/package.json"));
  } catch (error) {
    throw SightlineError.wrap("ERR_ORT_LIBRARY", error, "the package onnxruntime-node is not installed");
  }
}
