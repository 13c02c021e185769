/** Awaits a run with nothing else to keep the process alive, and never closes the provider. */
import { MODELS, randomFeeds, startProvider } from "../models.ts";

const session = await startProvider(1).load(MODELS.mobilenetV1);
const results = await session.run(0, randomFeeds(session.inputs, 1));
console.log(Object.keys(results).length);
