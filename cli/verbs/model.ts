import { SightlineError } from "../../runtime/base/errors.ts";
import type { Verb } from "../verb.ts";
import { apply } from "./model/apply.ts";
import { bundle } from "./model/bundle.ts";
import { calibrationTable } from "./model/calibration-table.ts";
import { delta } from "./model/delta.ts";
import { gc } from "./model/gc.ts";
import { importModel } from "./model/import.ts";
import { inspect } from "./model/inspect.ts";
import { install } from "./model/install.ts";
import { keygen } from "./model/keygen.ts";
import { list } from "./model/list.ts";
import { quantize } from "./model/quantize.ts";
import { rollback } from "./model/rollback.ts";
import { sign } from "./model/sign.ts";
import { split } from "./model/split.ts";
import { verify } from "./model/verify.ts";

/** `sightline model NAME …`: an import and an entry for each. */
const SUB_VERBS: readonly Verb[] = [
  importModel,
  inspect,
  quantize,
  calibrationTable,
  split,
  bundle,
  keygen,
  sign,
  verify,
  install,
  list,
  rollback,
  gc,
  delta,
  apply,
];

export const model: Verb = {
  name: "model",
  summary: "quantize, split, pack, sign, install and update models",
  usage: SUB_VERBS.map(({ summary, usage }) => `${usage}\n      ${summary}`).join("\n"),
  run([name, ...rest], io) {
    const verb = SUB_VERBS.find((sub) => sub.name === name);
    if (verb) return verb.run(rest, io);
    const message = name === undefined ? "say what to do with it" : `there is no command "${name}"`;
    throw new SightlineError("ERR_USAGE", `model: ${message}`, { hint: "Run `sightline help model`." });
  },
};
