/** Machines that a variant of a model can be made for; `any` runs everywhere. */
export const TARGETS = [
  "linux-x64-vnni",
  "linux-x64-avx2",
  "linux-x64",
  "linux-arm64-dotprod",
  "linux-arm64",
  "tensorrt",
  "any",
] as const;

export type Target = (typeof TARGETS)[number];

/**
 * What a machine runs through ONNX Runtime's CPU provider, the best first. `features` are its CPU's, as `cpuFeatures`
 * of runtime/arm-neon names them; `arch` is Node's.
 */
export function machineTargets(arch: string, features: readonly string[]): Target[] {
  const has = (...names: string[]) => names.some((name) => features.includes(name));
  if (arch === "arm64")
    return [...(has("asimddp") ? (["linux-arm64-dotprod"] as const) : []), "linux-arm64", "any"];
  if (arch !== "x64") return ["any"];
  return [
    ...(has("avx_vnni", "avx512_vnni") ? (["linux-x64-vnni"] as const) : []),
    ...(has("avx2") ? (["linux-x64-avx2"] as const) : []),
    "linux-x64",
    "any",
  ];
}
