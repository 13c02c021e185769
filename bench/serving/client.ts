// Asks one model of a server and prints what it took.
//   node client.ts URL SHAPE closed CONNECTIONS SECONDS | node client.ts URL SHAPE open RATE SECONDS SEED

import { randomFrom } from "../../test/support/models.ts";
import { closedLoop, openLoop } from "../load/open-loop.ts";
import { randomBody } from "../load/random-body.ts";
import { answer } from "../loader/children.ts";
import { poisson } from "../simulator/arrivals.ts";

const [url = "", input = "", mode = "", ...rest] = process.argv.slice(2);
const { dims, name } = JSON.parse(input) as { name: string; dims: number[] };
const { body, headers } = randomBody([{ name, dtype: "float32", dims }]);
const [first = 1, seconds = 1, seed = 1] = rest.map(Number);

if (mode === "closed") {
  answer(await closedLoop({ url, headers, body, connections: first, seconds }));
} else {
  const arrivals = poisson(Math.max(20, Math.round(first * seconds)), first / 1_000, randomFrom(seed));
  answer(await openLoop({ url, headers, body, arrivals }));
}
