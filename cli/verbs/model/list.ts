import { listInstalled } from "../../../models/store/installed.ts";
import { formatBytes } from "../../../runtime/base/units.ts";
import { exactly, parseVerbArgs, type Verb } from "../../verb.ts";
import { STORE_OPTION, storeOf } from "./store-option.ts";

/** Exit code 1 when a model is broken. */
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
    const models = await listInstalled(storeOf(values, io));
    for (const model of models) io.out(values.json ? jsonOf(model) : textOf(model));
    return models.some((model) => "error" in model) ? 1 : 0;
  },
};

type Model = Awaited<ReturnType<typeof listInstalled>>[number];

const jsonOf = (model: Model): string =>
  JSON.stringify("error" in model ? { ...model, error: model.error.toRecord() } : model);

function textOf(model: Model): string {
  if ("error" in model) return `${model.name}: ${model.error.code}: ${model.error.message}`;
  const { name, current = "", previous = "none", bytes } = model;
  return `${name.padEnd(20)} ${current.padEnd(8)} before: ${previous.padEnd(8)} ${formatBytes(bytes)}`;
}
