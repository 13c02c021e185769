import { listInstalled } from "../../../models/store/installed.ts";
import { formatBytes } from "../../../runtime/base/units.ts";
import { exactly, parseVerbArgs, type Verb } from "../../verb.ts";
import { STORE_OPTION, storeOf } from "./store-option.ts";

export const list: Verb = {
  name: "list",
  summary: "list what is installed",
  usage: "model list [--store DIR] [--json]",
  async run(args, io) {
    const { values, positionals } = parseVerbArgs(list, args, {
      ...STORE_OPTION,
      json: { type: "boolean", default: false },
    });
    exactly(list, [], positionals);
    for (const model of await listInstalled(storeOf(values, io))) {
      const { name, current = "", previous = "none", bytes } = model;
      if (values.json) io.out(JSON.stringify(model));
      else
        io.out(`${name.padEnd(20)} ${current.padEnd(8)} before: ${previous.padEnd(8)} ${formatBytes(bytes)}`);
    }
    return 0;
  },
};
