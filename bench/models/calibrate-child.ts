// Calibrates the shipped detector with `argv[2]` pictures and says what that took: one line of JSON.

import { readdirSync } from "node:fs";
import { join } from "node:path";
import { openBundle } from "../../models/bundle/bundle.ts";
import { copyModel } from "../../models/onnx/copy-model.ts";
import { Graph } from "../../models/onnx/graph.ts";
import { readModel } from "../../models/onnx/read-model.ts";
import { openKernels } from "../../runtime/native/index.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import { calibrate } from "../../toolchain/quantize/calibrate/calibrate.ts";
import { fileFeeds } from "../../toolchain/quantize/calibrate/images.ts";
import { prepareFloat } from "../../toolchain/quantize/prepare.ts";
import { planQuantization } from "../../toolchain/quantize/static/plan.ts";
import { PCB_AOI, SAMPLES } from "../watched-process.ts";

const images = Number(process.argv[2]);
const provider = new CpuExecutionProvider({ slots: 1, intraOpThreads: 1 });
provider.start();
const kernels = openKernels();
const { manifest } = await openBundle(PCB_AOI);
const model = await prepareFloat(await readModel(join(PCB_AOI, "pcb-aoi.onnx")), provider);
const plan = planQuantization(new Graph(copyModel(model)), { reach: "all" });
const files = readdirSync(SAMPLES).map((name) => join(SAMPLES, name));

async function* inputs() {
  for (let i = 0; i < images; i++)
    yield (await fileFeeds(kernels, manifest.input, files[i % files.length] ?? "")).feeds;
}

const rssMb: number[] = [];
await calibrate(provider, { model, plan }, inputs(), () => rssMb.push(process.memoryUsage.rss() / 1e6));
await provider.close();
console.log(JSON.stringify({ rssMb, peakMb: (process.resourceUsage().maxRSS * 1024) / 1e6 }));
