// Asks one model of a server and prints what it took.
//   node client.ts URL SHAPE closed CONNECTIONS SECONDS | node client.ts URL SHAPE open RATE SECONDS SEED

import { randomFrom } from "../../test/support/models.ts";
import { openLoop } from "../load/open-loop.ts";
import { randomBody } from "../load/random-body.ts";
import { answer } from "../loader/children.ts";
import { poisson } from "../simulator/arrivals.ts";

const [url = "", input = "", mode = "", ...rest] = process.argv.slice(2);
const { dims, name } = JSON.parse(input) as { name: string; dims: number[] };
const { body, headers } = randomBody([{ name, dtype: "float32", dims }]);
const [first = 1, seconds = 1, seed = 1] = rest.map(Number);

async function closed(): Promise<{ perSecond: number; failed: number }> {
  const end = performance.now() + seconds * 1_000;
  const startMs = performance.now();
  let [good, failed] = [0, 0];
  const connection = async () => {
    while (performance.now() < end) {
      const reply = await fetch(url, {
        method: "POST",
        headers: headers as Record<string, string>,
        body: new Uint8Array(body),
      });
      await reply.arrayBuffer();
      if (reply.ok) good++;
      else failed++;
    }
  };
  await Promise.all(Array.from({ length: first }, connection));
  return { perSecond: (1_000 * good) / (performance.now() - startMs), failed };
}

if (mode === "closed") answer(await closed());
else {
  const arrivals = poisson(Math.max(20, Math.round(first * seconds)), first / 1_000, randomFrom(seed));
  answer(await openLoop({ url, headers, body, arrivals }));
}
