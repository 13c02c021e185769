import { CpuExecutionProvider } from "../runtime/session/cpu-provider.ts";
import { GOLDEN_MODELS } from "../test/support/quantize-inputs.ts";
import type { Bench } from "./bench.ts";
import { parity } from "./models/parity.ts";

/** The model toolchain: how good, small and quick what it makes is. */
export const models: Bench = {
  name: "models",
  async run({ quick }) {
    const provider = new CpuExecutionProvider({ slots: 1, intraOpThreads: 1 });
    provider.start();
    try {
      return [...(await parity(provider, quick ? ["squeezenet"] : GOLDEN_MODELS))];
    } finally {
      await provider.close();
    }
  },
};
