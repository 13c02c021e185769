import { collectGarbage } from "../../../models/store/gc.ts";
import { formatBytes } from "../../../runtime/base/units.ts";
import { parseVerbArgs, requirePositionals, type Verb } from "../../verb.ts";
import { STORE_OPTION, storeOf } from "./store-option.ts";

export const gc: Verb = {
  name: "gc",
  summary: "remove versions and files that are no longer needed",
  usage: "model gc [--store DIR]",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(gc, args, STORE_OPTION);
    requirePositionals(gc, [], positionals);
    const { versions, freedBytes } = await collectGarbage(storeOf(values, context));
    context.out(
      `Freed ${formatBytes(freedBytes)}${versions.map((version) => `\nRemoved ${version}`).join("")}`,
    );
    return 0;
  },
};
