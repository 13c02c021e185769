import { rollback as rollBack } from "../../../models/store/rollback.ts";
import { parseVerbArgs, requirePositionals, type Verb } from "../../verb.ts";
import { STORE_OPTION, storeOf } from "./store-option.ts";

export const rollback: Verb = {
  name: "rollback",
  summary: "return to the previous version",
  usage: "model rollback NAME [--store DIR]",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(rollback, args, STORE_OPTION);
    const [name = ""] = requirePositionals(rollback, ["NAME"], positionals);
    const { from, to } = await rollBack(storeOf(values, context), name);
    context.out(`${name} ${to} is the current version again, ${from} the previous one`);
    return 0;
  },
};
