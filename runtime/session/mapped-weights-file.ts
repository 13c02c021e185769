import type { NativeEngine } from "../native/index.ts";
import type { WeightsFile } from "./execution-provider.ts";

/** A file that the native engine has mapped. */
export class MappedWeightsFile implements WeightsFile {
  /** The engine's number for it. */
  readonly id: number;
  readonly path: string;
  readonly bytes: number;
  readonly #engine: NativeEngine;

  constructor(engine: NativeEngine, { bytes, file, path }: { file: number; path: string; bytes: number }) {
    this.#engine = engine;
    this.id = file;
    this.path = path;
    this.bytes = bytes;
  }

  isIntact(): boolean {
    return this.#engine.mapped(this.id).intact;
  }

  residentBytes(): number {
    return this.#engine.mapped(this.id).residentBytes;
  }

  close(): void {
    this.#engine.unmap(this.id);
  }
}
