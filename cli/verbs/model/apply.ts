import { resolve } from "node:path";
import { deltaSource } from "../../../models/store/delta-source.ts";
import { install } from "../../../models/store/install.ts";
import { exactly, parseVerbArgs, type Verb } from "../../verb.ts";
import { installedText } from "./install.ts";
import { STORE_OPTION, storeOf } from "./store-option.ts";

export const apply: Verb = {
  name: "apply",
  summary: "install what a delta makes of an installed version",
  usage: "model apply FILE [--store DIR]",
  async run(args, io) {
    const { values, positionals } = parseVerbArgs(apply, args, STORE_OPTION);
    const [file = ""] = exactly(apply, ["FILE"], positionals);
    const store = storeOf(values, io);
    io.out(installedText(await install(store, await deltaSource(store, resolve(io.cwd, file)))));
    return 0;
  },
};
