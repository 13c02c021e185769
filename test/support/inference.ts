import type { InferenceModels } from "../../services/http/oip/inference-models.ts";
import { Statistics } from "../../services/http/oip/statistics.ts";

const none: InferenceModels = {
  list: () => [],
  describe: () => Promise.reject(new Error("there are no models")),
  lease: () => Promise.reject(new Error("there are no models")),
  load: async () => {},
  unload: async () => {},
};

/** Of an HTTP server whose models nobody asks for. */
export const noModels = { inference: none, statistics: new Statistics(), version: "0.0.0" };
