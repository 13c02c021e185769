import { cpuFeatures, type Kernels, kernelVariants, openKernels } from "../../runtime/native/index.ts";

/** A kernel's variants that this CPU can run, each with kernels that use it; others are no part of its tests. */
export function runnable(kernel: string): [variant: string, kernels: Kernels][] {
  const present = cpuFeatures();
  return (kernelVariants()[kernel] ?? [])
    .filter(({ needs }) => needs.every((name) => present.includes(name)))
    .map(({ needs, variant }) => {
      const kernels = openKernels(needs);
      if (kernels.chosen()[kernel] !== variant) throw new Error(`${kernel} ${variant} was not chosen`);
      return [variant, kernels];
    });
}
