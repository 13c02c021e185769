import type { RunBatch } from "../scheduler/scheduler.ts";
import type { HeldSlot, Session } from "../session/execution-provider.ts";
import { rowsOf, stacked, unstacked } from "../tensor/stack.ts";
import { freeTensor, type NamedTensors } from "../tensor/tensor.ts";

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

  const runEach: RunBatch<ModelRun, NamedTensors> = async (held, requests) => {
    const made: NamedTensors[] = [];
    for (const { feeds, ...options } of requests) {
      made.push(await session.run(held.slot, feeds, { ...options, timeLimitMs: runLimitMs, held }));
    }
    return made;
  };

  const runTogether = async (held: HeldSlot, requests: readonly ModelRun[]) => {
    const rows = requests.map(({ feeds }) => rowsOf(feeds));
    const feeds = rows.every((n) => n !== undefined)
      ? stacked(requests.map((each) => each.feeds))
      : undefined;
    if (!feeds) return undefined;
    const timeLimitMs = runLimitMs * requests.length;
    const made = await session.run(held.slot, feeds, { timeLimitMs, held });
    const parts = unstacked(made, rows as number[]);
    for (const tensor of [...Object.values(feeds), ...Object.values(made)]) freeTensor(tensor);
    if (!parts) stacks = false;
    return parts;
  };

  return async (held, requests) => {
    const together = stacks && requests.length > 1 ? await runTogether(held, requests) : undefined;
    return together ?? runEach(held, requests);
  };
}
