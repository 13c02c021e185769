// An open-loop load on a server of the Open Inference Protocol.
//   npm run load -- http://127.0.0.1:8080 MODEL [--rate PER_SECOND] [--seconds N] [--seed N] [--arrivals FILE] [--token TOKEN] [--json]

import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import type { DType, TensorSpec } from "../../runtime/tensor/tensor.ts";
import { datatypeOf } from "../../services/http/oip/datatypes.ts";
import { randomFrom } from "../../test/support/models.ts";
import { type Arrival, poisson, recorded } from "../simulator/arrivals.ts";
import { openLoop } from "./open-loop.ts";
import { randomBody } from "./random-body.ts";

const DTYPES: readonly DType[] = ["float32", "float16", "float64", "uint8", "int8", "int32", "int64", "bool"];

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: {
    rate: { type: "string", default: "20" },
    seconds: { type: "string", default: "10" },
    seed: { type: "string", default: "1" },
    arrivals: { type: "string" },
    token: { type: "string" },
    json: { type: "boolean", default: false },
  },
});
const [server = "http://127.0.0.1:8080", model = ""] = positionals;
const auth: Record<string, string> = values.token ? { authorization: `Bearer ${values.token}` } : {};
const url = `${server}/v2/models/${model}`;
const metadata = await fetch(url, { headers: auth });
if (!metadata.ok) throw new Error(`${url}: ${metadata.status} ${await metadata.text()}`);
const { inputs } = (await metadata.json()) as {
  inputs: { name: string; datatype: string; shape: number[] }[];
};
const specs = inputs.map(({ datatype, name, shape }): TensorSpec => {
  const dtype = DTYPES.find((each) => datatypeOf(each) === datatype);
  if (!dtype) throw new Error(`no tensors of ${datatype} here`);
  return { name, dtype, dims: shape };
});
const { body, headers } = randomBody(specs);
const arrivals = arrivalsOf(values);
const seconds = (arrivals.at(-1)?.atMs ?? 0) / 1_000;
const ratePerS = arrivals.length / seconds;
const made = await openLoop({ url: `${url}/infer`, headers: { ...headers, ...auth }, body, arrivals });
if (values.json) console.log(JSON.stringify({ ratePerS, seconds, ...made }));
else {
  const { failed, p50Ms, p99Ms, p999Ms, perSecond } = made;
  console.log(
    `${ratePerS.toFixed(1)}/s wanted, ${perSecond.toFixed(1)}/s answered, ${failed} failed (seed ${values.seed})`,
  );
  console.log(`p50 ${p50Ms.toFixed(1)} ms, p99 ${p99Ms.toFixed(1)} ms, p99.9 ${p999Ms.toFixed(1)} ms`);
}

/** As they are recorded in a file, or Poisson's. */
function arrivalsOf(given: { arrivals?: string; rate: string; seconds: string; seed: string }): Arrival[] {
  if (given.arrivals !== undefined) return recorded(readFileSync(given.arrivals, "utf8"));
  const [perSecond, time] = [Number(given.rate), Number(given.seconds)];
  return poisson(Math.round(perSecond * time), perSecond / 1_000, randomFrom(Number(given.seed)));
}
