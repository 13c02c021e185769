import type { Kernels } from "../../runtime/native/index.ts";

/** A kernel at a piece of real work, and others at the same. Each function makes its buffers once. */
export interface KernelCase {
  kernel: string;
  name: string;
  ours(kernels: Kernels): () => unknown;
  /** What one would write without an addon. */
  javascript(): () => void;
  /** sharp where it can do some of the work, and a loop for the rest. */
  sharp?(): () => Promise<unknown>;
  /** Times faster than the generic twin that it should be; left out: what SIMD is expected to give. */
  twinGoal?: number;
  /** Milliseconds that ours may take. */
  limitMs?: number;
}
