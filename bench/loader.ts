import type { Bench } from "./bench.ts";
import { bigModels } from "./loader/big.ts";
import { coldStart } from "./loader/cold.ts";
import { manyModels } from "./loader/turns.ts";
import { upsets } from "./loader/upsets.ts";

/** Models on demand: what opening, streaming and changing them takes, against onnxruntime-node where there is a peer. */
export const loader: Bench = {
  name: "loader",
  async run({ quick }) {
    if (quick) {
      return [
        ...(await bigModels(["chain"], 1, 3)),
        ...(await manyModels(30, 5, 1)),
        ...(await upsets(20, 2)),
        ...(await coldStart(1)),
      ];
    }
    return [
      ...(await bigModels(["chain", "resnet50"], 5, 15)),
      ...(await manyModels(1000, 200, 5)),
      ...(await upsets(1000, 300)),
      ...(await coldStart(5)),
    ];
  },
};
