/** Loads, runs and unloads a model over and over; prints the resident bytes after a tenth and at the end. */
import { MODELS, randomFeeds, startProvider } from "../models.ts";

const cycles = Number(process.argv[2]);
const provider = startProvider(2);
const collect = globalThis.gc as () => void;
let early = 0;
for (let i = 1; i <= cycles; i++) {
  const session = await provider.load(MODELS.mobilenetV1);
  const feeds = randomFeeds(session.inputs, i);
  await Promise.all([session.run(0, feeds), session.run(1, feeds)]);
  await session.unload();
  if (i % 10 === 0) collect();
  if (i === cycles / 10) early = process.memoryUsage.rss();
}
await provider.close();
console.log(JSON.stringify({ early, late: process.memoryUsage.rss() }));
