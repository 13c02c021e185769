import { CpuExecutionProvider } from "../runtime/session/cpu-provider.ts";
import { GOLDEN_MODELS, type GoldenModel } from "../test/support/quantize-inputs.ts";
import type { Bench, Result } from "./bench.ts";
import { calibration } from "./models/calibration.ts";
import { classifier, fourBits } from "./models/classifier.ts";
import { detector } from "./models/detector.ts";
import { parity } from "./models/parity.ts";
import { stages } from "./models/stages.ts";
import { updates } from "./models/updates.ts";

const QUICK: readonly GoldenModel[] = ["squeezenet"];

/**
 * The model toolchain: how good, small and quick what it makes is. SIGHTLINE_BOARDS names a folder of labelled boards
 * (`images`, `labels`), SIGHTLINE_PICTURES one of natural pictures; without them what is committed is used.
 */
export const models: Bench = {
  name: "models",
  async run({ long, quick }) {
    const provider = new CpuExecutionProvider({ slots: 1, intraOpThreads: 1 });
    provider.start();
    try {
      const results: Result[] = [];
      results.push(...(await parity(provider, quick ? QUICK : GOLDEN_MODELS)));
      results.push(...(await detector(provider)));
      if (!quick) results.push(...(await classifier(provider)), ...(await fourBits(provider)));
      results.push(...(await stages(provider, quick ? QUICK : GOLDEN_MODELS, quick ? [2] : countsOf(long))));
      results.push(...(await calibration(quick ? 8 : long ? 1000 : 100)));
      if (!quick) results.push(...(await updates(provider)));
      return results;
    } finally {
      await provider.close();
    }
  },
};

const countsOf = (long: boolean): number[] => (long ? [2, 3, 4, 5, 6, 7, 8] : [2, 4]);
