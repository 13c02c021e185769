import type { RunBatch } from "../scheduler/scheduler.ts";
import type { Session } from "../session/execution-provider.ts";
import { rowsOf, stacked, unstacked } from "../tensor/stack.ts";
import { letGo, type NamedTensors } from "../tensor/tensor.ts";

/** Feeds of one request; outputs that are left out ONNX Runtime allocates. */
export interface ModelRun {
  feeds: NamedTensors;
  outputs?: NamedTensors;
  shareKey?: object;
}

/**
 * Runs the requests of a batch as one where the model's tensors allow it, else one after the other. `mayStack`: what a
 * model shares with others is made for one picture at a time, so there each stays alone.
 */
export function batchRuns(
  session: Session,
  { mayStack, runLimitMs }: { mayStack: boolean; runLimitMs: number },
): RunBatch<ModelRun, NamedTensors> {
  let stacks = mayStack;

  const runEach: RunBatch<ModelRun, NamedTensors> = async (slot, requests, yieldSlot) => {
    const made: NamedTensors[] = [];
    for (const { feeds, ...options } of requests) {
      made.push(await session.run(slot, feeds, { ...options, timeLimitMs: runLimitMs, onJoined: yieldSlot }));
    }
    return made;
  };

  const runTogether = async (slot: number, requests: readonly ModelRun[]) => {
    const rows = requests.map(({ feeds }) => rowsOf(feeds));
    const feeds = rows.every((n) => n !== undefined)
      ? stacked(requests.map((each) => each.feeds))
      : undefined;
    if (!feeds) return undefined;
    const timeLimitMs = runLimitMs * requests.length;
    const made = await session.run(slot, feeds, { timeLimitMs });
    const parts = unstacked(made, rows as number[]);
    for (const tensor of [...Object.values(feeds), ...Object.values(made)]) letGo(tensor);
    if (!parts) stacks = false;
    return parts;
  };

  return async (slot, requests, yieldSlot) => {
    const together = stacks && requests.length > 1 ? await runTogether(slot, requests) : undefined;
    return together ?? runEach(slot, requests, yieldSlot);
  };
}
