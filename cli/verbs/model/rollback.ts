import { rollback as rollBack } from "../../../models/store/rollback.ts";
import { exactly, parseVerbArgs, type Verb } from "../../verb.ts";
import { STORE_OPTION, storeOf } from "./store-option.ts";

export const rollback: Verb = {
  name: "rollback",
  summary: "go back to the version before",
  usage: "model rollback NAME [--store DIR]",
  async run(args, io) {
    const { values, positionals } = parseVerbArgs(rollback, args, STORE_OPTION);
    const [name = ""] = exactly(rollback, ["NAME"], positionals);
    const { from, to } = await rollBack(storeOf(values, io), name);
    io.out(`${name} ${to} is current again, ${from} is kept as the other one`);
    return 0;
  },
};
