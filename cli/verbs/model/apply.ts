import { resolve } from "node:path";
import { deltaSource } from "../../../models/store/delta-source.ts";
import { install } from "../../../models/store/install.ts";
import { parseVerbArgs, requirePositionals, type Verb } from "../../verb.ts";
import { installedText } from "./install.ts";
import { STORE_OPTION, storeOf } from "./store-option.ts";

export const apply: Verb = {
  name: "apply",
  summary: "apply a delta to an installed version and install the result",
  usage: "model apply FILE [--store DIR]",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(apply, args, STORE_OPTION);
    const [file = ""] = requirePositionals(apply, ["FILE"], positionals);
    const store = storeOf(values, context);
    context.out(installedText(await install(store, await deltaSource(store, resolve(context.cwd, file)))));
    return 0;
  },
};
