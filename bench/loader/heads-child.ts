// Three models with one backbone, against one model with three outputs.
//   node heads-child.ts FOLDER shared|single RUNS

import { join } from "node:path";
import { backbone, head, joined, writeBundle } from "../../test/support/small-bundles.ts";
import { median } from "../bench.ts";
import { answer } from "./children.ts";
import { openManager, POLICY, picture } from "./manager.ts";
import { readMemory } from "./memory.ts";

const [folder = "", way = "shared", runs = "10"] = process.argv.slice(2);
const HEADS = [1, 2, 3];
const models: Parameters<typeof openManager>[0] = {};
if (way === "shared") {
  for (const i of HEADS) {
    const bundle = await writeBundle(join(folder, `h${i}`), "1.0.0", [backbone(1), head(i)]);
    models[`h${i}`] = { ...POLICY, bundle };
  }
} else {
  const outputs = HEADS.map((i) => (i === 1 ? "y" : `y${i}`));
  const all = joined([backbone(1), ...HEADS.map((i, n) => head(i, outputs[n]))], outputs);
  models.all = { ...POLICY, bundle: await writeBundle(join(folder, "all"), "1.0.0", [all]) };
}
const options = { budgetBytes: 2 ** 40, cacheFolder: join(folder, `cache-${way}`), slots: 1 };
const names = Object.keys(models);
const first = await openManager(models, options);
(await first.manager.lease(names)).release();
await first.close();

const before = readMemory();
const { close, manager } = await openManager(models, options);
const lease = await manager.lease(names);
const feeds = picture();
const times: number[] = [];
for (let i = 0; i <= Number(runs); i++) {
  const shareKey = {};
  const begun = performance.now();
  await Promise.all(names.map((name) => lease.of(name).session.run(0, feeds, { shareKey })));
  if (i > 0) times.push(performance.now() - begun);
}
const after = readMemory();
answer({
  runMs: median(times),
  residentBytes: manager.memory().resident_bytes,
  rssBytes: after.rssBytes - before.rssBytes,
});
lease.release();
await close();
process.exit(0);
