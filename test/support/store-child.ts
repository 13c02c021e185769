/**
 * Changes a store and is gone before the STEP-th change to the disk:
 * `node store-child.ts STEP COMMAND ROOT [PLACE]`.
 */
import { deltaSource } from "../../models/store/delta-source.ts";
import { Disk } from "../../models/store/disk.ts";
import { collectGarbage } from "../../models/store/gc.ts";
import { install } from "../../models/store/install.ts";
import { openSource } from "../../models/store/open-source.ts";
import { rollback } from "../../models/store/rollback.ts";
import { storeAt } from "../../models/store/store.ts";

const [step = "", command, root = "", place = ""] = process.argv.slice(2);
let left = Number(step);

const disk = new Disk(() => {
  left--;
  if (left > 0) return;
  process.kill(process.pid, "SIGKILL");
  // Until the signal is there, nothing more may happen.
  for (;;);
});
const store = storeAt({ root, runtime: "0.2.0", disk });

if (command === "install") await install(store, await openSource(place));
if (command === "apply") await install(store, await deltaSource(store, place));
if (command === "rollback") await rollback(store, "parts");
if (command === "gc") await collectGarbage(store);
process.stdout.write("done\n");
