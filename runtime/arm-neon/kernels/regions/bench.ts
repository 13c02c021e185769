import type { RegionsOptions } from "../../kernels.ts";
import { benchCase } from "../bench-case.ts";
import { regions as fastJavascript } from "./fast-javascript.ts";
import { regions as javascript } from "./javascript.ts";

type Args = [Float32Array | Uint8Array, RegionsOptions];

const SIDE = 640;
const whole = { width: SIDE, height: SIDE, connectivity: 8, limit: 100 } as const;

/** Low everywhere but for a spot of `size` at each crossing of a grid. */
const spots = (step: number, size: number): Float32Array =>
  Float32Array.from({ length: SIDE * SIDE }, (_, i) =>
    (i % SIDE) % step < size && Math.floor(i / SIDE) % step < size ? 0.5 + (i % 101) / 202 : (i % 7) / 70,
  );

const of = (name: string, make: () => Args) =>
  benchCase<Args>("regions", name, { ours: (kernels) => kernels.regions, javascript, fastJavascript }, make);

export const regionsCases = [
  of("640×640 map, 100 spots", () => [spots(64, 12), { ...whole, threshold: 0.5 }]),
  of("640×640 mask, 100 spots", () => [Uint8Array.from(spots(64, 12), (v) => (v >= 0.5 ? 2 : 0)), whole]),
];
