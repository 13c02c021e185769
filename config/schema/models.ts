import { z } from "zod";
import { duration, id, path } from "./scalars.ts";

/** One model of the configuration. */
export const model = z.strictObject({
  bundle: path.describe("Folder with the model's manifest.json; see models.md."),
  variant: id
    .optional()
    .describe("One of the bundle's variants by its name. Left out: the best for this machine."),
  trust: path
    .optional()
    .describe(
      "Folder with public keys (*.pem): the bundle has to be signed by one of them. Left out: its digests alone are checked.",
    ),
  preload: z
    .boolean()
    .default(true)
    .describe("Opened at the start, as far as there is room; else when a frame first needs it."),
  pin: z.boolean().default(false).describe("Stays in memory: never makes room for another model."),
  idle_unload: duration({ min: "1s", max: "7d", example: "5m" })
    .optional()
    .describe("Without a frame for so long it gives its memory back. Left out: only to make room."),
  stream: z
    .enum(["auto", "always", "never"])
    .default("auto")
    .describe(
      "Whether its weights come into memory slice by slice in each run; `auto`: when it does not fit otherwise.",
    ),
});
