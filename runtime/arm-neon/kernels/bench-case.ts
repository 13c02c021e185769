import type { Candidates, Kernels, PreprocessOptions } from "../kernels.ts";

/** A kernel at a piece of real work, and others at the same. Each function makes its buffers once, and gives the work. */
export interface BenchCase {
  kernel: string;
  name: string;
  /** Its result, or the array that it fills; so with all others. */
  ours(kernels: Kernels): () => Promise<unknown>;
  /** What one would write without an addon, as plainly as the tests' twin. */
  javascript(): () => unknown;
  /** The fastest that one would still care to write where results need not be equal bit for bit. */
  fastJavascript(): () => unknown;
  /** Times faster than the generic twin that it should be; left out: what SIMD is expected to give. */
  twinGoal?: number;
  /** Milliseconds that ours may take. */
  limitMs?: number;
  /** What libraries for pictures are given. */
  picture?: BenchPicture;
  /** What libraries with a suppression are given. */
  boxes?: Candidates & { iouMax: number };
}

/** A camera's frame that becomes a square tensor, letterboxed. */
export interface BenchPicture {
  format: "rgb24" | "nv12";
  width: number;
  height: number;
  side: number;
  pixels: Uint8Array;
  /** In the tensor. */
  place: PreprocessOptions["target"]["place"];
  /** The grey beside it. */
  pad: number;
}

interface Loops<Args extends unknown[]> {
  ours(kernels: Kernels): (...args: Args) => Promise<unknown>;
  javascript: (...args: Args) => unknown;
  fastJavascript: (...args: Args) => unknown;
}

/** The same call of a kernel and of its loops; `make` gives the arguments, `resultOf` where in them the result is put. */
export function benchCase<Args extends unknown[]>(
  kernel: string,
  name: string,
  loops: Loops<Args>,
  make: () => Args,
  resultOf?: (args: Args) => unknown,
): BenchCase {
  const plain = (loop: (...args: Args) => unknown) => () => {
    const args = make();
    return () => {
      const made = loop(...args);
      return resultOf ? resultOf(args) : made;
    };
  };
  return {
    kernel,
    name,
    ours: (kernels) => {
      const args = make();
      const run = loops.ours(kernels);
      return async () => {
        const made = await run.apply(kernels, args);
        return resultOf ? resultOf(args) : made;
      };
    },
    javascript: plain(loops.javascript),
    fastJavascript: plain(loops.fastJavascript),
  };
}
