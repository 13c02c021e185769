import { resolve } from "node:path";
import { listBundles } from "../../../models/bundle/bundle.ts";
import { listInstalled } from "../../../models/store/installed.ts";
import { formatBytes } from "../../../runtime/base/units.ts";
import { parseVerbArgs, requirePositionals, type Verb } from "../../verb.ts";
import { shippedBundles } from "../../zoo.ts";
import { STORE_OPTION, storeOf } from "./store-option.ts";

/** Exit code 1 if a model is broken. */
export const list: Verb = {
  name: "list",
  summary: "list the installed models, or with --shipped those that come with Sightline",
  usage: "model list [--store DIR] [--json]\nmodel list --shipped [BUNDLE…] [--json]",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(list, args, {
      ...STORE_OPTION,
      json: { type: "boolean", default: false },
      shipped: { type: "boolean", default: false },
    });
    if (!values.shipped) requirePositionals(list, [], positionals);
    const models = values.shipped
      ? await listBundles([...shippedBundles(), ...positionals.map((folder) => resolve(context.cwd, folder))])
      : await listInstalled(storeOf(values, context));
    for (const model of models) context.out(values.json ? jsonOf(model) : textOf(model));
    return models.some((model) => "error" in model) ? 1 : 0;
  },
};

type Installed = Awaited<ReturnType<typeof listInstalled>>[number];
type Shipped = Awaited<ReturnType<typeof listBundles>>[number];

const jsonOf = (model: Installed | Shipped): string =>
  JSON.stringify("error" in model ? { ...model, error: model.error.toRecord() } : model);

function textOf(model: Installed | Shipped): string {
  if ("error" in model) {
    const name = "name" in model ? model.name : model.folder;
    return `${name}: ${model.error.code}: ${model.error.message}`;
  }
  if ("variants" in model) {
    const { bytes, name, variants, version } = model;
    return `${name.padEnd(20)} ${version.padEnd(8)} ${variants.join(", ").padEnd(16)} ${formatBytes(bytes)}`;
  }
  const { name, current = "", previous = "none", bytes } = model;
  return `${name.padEnd(20)} ${current.padEnd(8)} previous: ${previous.padEnd(8)} ${formatBytes(bytes)}`;
}
