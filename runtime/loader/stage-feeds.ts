import type { Bundle } from "../../models/bundle/bundle.ts";
import { ChainSession } from "../session/chain-session.ts";
import type { NamedTensors } from "../tensor/tensor.ts";
import { inputFeeds } from "./model-version.ts";
import type { OpenStage, StagePool } from "./stage-pool.ts";

/**
 * What stage i of a model is fed with when the model is fed with random values: what the stages before it make, which
 * are opened for that. Only a stage that is made ready for the first time is asked for.
 */
export function feedsFor(
  pool: StagePool,
  bundle: Bundle,
  label: string,
): (i: number) => Promise<NamedTensors> {
  return async (i) => {
    const feeds = inputFeeds(bundle);
    if (i === 0) return feeds;
    const opened: OpenStage[] = [];
    try {
      for (const stage of bundle.stages.slice(0, i)) {
        opened.push(await pool.open(stage, { isStreaming: false }, { label }));
      }
      const names = opened.flatMap(({ session }) => session.outputs).map(({ name }) => name);
      const chain = new ChainSession(
        opened.map(({ session }) => session),
        names,
      );
      return { ...feeds, ...(await chain.run(0, feeds)) };
    } finally {
      await Promise.all(opened.map((stage) => pool.close(stage)));
    }
  };
}
