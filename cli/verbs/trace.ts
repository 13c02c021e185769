import { resolve } from "node:path";
import { loadConfig } from "../../config/load.ts";
import type { BatchRecord } from "../../runtime/scheduler/batch-log.ts";
import { request } from "../../services/health/control-socket.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../verb.ts";

/** Prints the last batches of the running daemon's schedulers. */
export const trace: Verb = {
  name: "trace",
  summary: "show the last batches of the running daemon: when they ran, their size and the reason for it",
  usage: "trace --config FILE [--last N] [-f text|json|chrome]",
  async run(args, context) {
    const { positionals, values } = parseVerbArgs(trace, args, {
      config: { type: "string", short: "c" },
      last: { type: "string", default: "100" },
      format: { type: "string", short: "f", default: "text" },
    });
    requirePositionals(trace, [], positionals);
    if (values.config === undefined) throw usageError(trace, "--config FILE is missing");
    const print = Object.hasOwn(FORMATS, values.format) ? FORMATS[values.format as Format] : undefined;
    if (!print) throw usageError(trace, `"${values.format}" is not a format`);
    const { store } = loadConfig(resolve(context.cwd, values.config), { env: context.env });
    const batches = await request(store.path, "trace", { last: Number(values.last) });
    for (const each of print(batches as BatchRecord[])) context.out(each);
    return 0;
  },
};

type Format = keyof typeof FORMATS;

const FORMATS = {
  text: (batches: readonly BatchRecord[]) => batches.map((batch, i) => line(batch, batches[i - 1])),
  json: (batches: readonly BatchRecord[]) => batches.map((batch) => JSON.stringify(batch)),
  chrome: (batches: readonly BatchRecord[]) => [JSON.stringify({ traceEvents: batches.map(chromeEvent) })],
};

/** `+12.3 ms  boards#0  3 full  queued 1.2 ms  ran 14.0 ms`; the first number is the time since the previous batch. */
function line(batch: BatchRecord, previous: BatchRecord | undefined): string {
  const { dropped, failed, model, queuedMs, reason, runMs, size, slot, startedMs } = batch;
  const sinceMs = startedMs - (previous?.startedMs ?? startedMs);
  const times = `queued ${queuedMs.toFixed(1)} ms  ran ${runMs.toFixed(1)} ms`;
  const trouble = `${dropped > 0 ? `  ${dropped} dropped` : ""}${failed ? "  failed" : ""}`;
  return `+${sinceMs.toFixed(1).padStart(8)} ms  ${`${model}#${slot}`.padEnd(20)} ${size} ${reason.padEnd(9)}  ${times}${trouble}`;
}

/** A complete event of the Trace Event Format: chrome://tracing and ui.perfetto.dev show it. */
const chromeEvent = ({ model, runMs, slot, startedMs, ...args }: BatchRecord) => ({
  name: model,
  ph: "X",
  ts: startedMs * 1_000,
  dur: runMs * 1_000,
  pid: 1,
  tid: slot,
  args,
});
