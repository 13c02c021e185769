import type { DistancesOptions, Neighbours } from "../../kernels.ts";
import { benchCase } from "../bench-case.ts";
import { distances as fastJavascript } from "./fast-javascript.ts";
import { distances as javascript } from "./javascript.ts";

type Vectors = Float32Array | Int8Array;
type Types = typeof Float32Array | typeof Int8Array;

/** Embeddings as image models make them. */
const SIZE = 384;
const BANK = 2_000;
const K = 3;

/** A frame's patches, or one picture, against a bank of good ones. */
const search = (Type: Types, metric: DistancesOptions["metric"], queries: number) =>
  benchCase<[Vectors, Vectors, DistancesOptions, Neighbours]>(
    "distances",
    `${Type === Int8Array ? "int8" : "float32"} ${metric}, ${queries} × ${BANK} of ${SIZE}`,
    { ours: (kernels) => kernels.distances, javascript, fastJavascript },
    () => [
      vectors(Type, queries, 1),
      vectors(Type, BANK, 2),
      { metric, size: SIZE, k: K },
      { indices: new Uint32Array(queries * K), distances: new Float32Array(queries * K) },
    ],
    ([, , , neighbours]) => neighbours,
  );

function vectors(Type: Types, count: number, seed: number): Vectors {
  const made = new Type(count * SIZE);
  let state = seed;
  for (let i = 0; i < made.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) | 0;
    made[i] = state >> 24;
  }
  return made;
}

export const distancesCases = [
  search(Float32Array, "squared_l2", 64),
  search(Float32Array, "cosine", 64),
  search(Float32Array, "squared_l2", 1),
  search(Int8Array, "squared_l2", 64),
  search(Int8Array, "cosine", 64),
];
