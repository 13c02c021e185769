// Runs a model on one slot, with a flight record, and has its file mapped as weights are.
//   node run-for-ever.ts MODEL.onnx RECORD

import { CpuExecutionProvider } from "../../../runtime/session/cpu-provider.ts";
import { readFlightRecord } from "../../../runtime/session/flight-record.ts";
import { randomFeeds } from "../models.ts";

const [model = "", recordPath = ""] = process.argv.slice(2);
const provider = new CpuExecutionProvider({ slots: 1, intraOpThreads: 1, recordPath });
provider.start();
const session = await provider.load(model, { label: "a@1.0.0" });
await provider.map(model);
// So large a batch takes seconds: whoever asks once it has begun finds it running.
const long = session.run(0, randomFeeds(session.inputs, 1, 256));
while (!readFlightRecord(recordPath).some(({ state }) => state === "running")) await session.prefetch();
console.log("running");
await long;
