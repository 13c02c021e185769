/** Opens a camera, prints its process id once it runs, and then does as told: `camera-owner.ts HOW FOLDER SETTINGS`. */
import { CameraRun } from "../camera-run.ts";

const [how, folder = "", settings = "{}"] = process.argv.slice(2);
const run = new CameraRun(folder, JSON.parse(settings), () => {});
await run.until(() => run.statuses.includes("online") || (how !== "throw" && run.source.pid !== undefined));
while (run.source.pid === undefined) await new Promise(setImmediate);
console.log(`camera ${run.source.pid}`);
if (how === "throw") throw new Error("on purpose");
await run.ended;
