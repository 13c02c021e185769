import type { Verb } from "../../verb.ts";
import { apply } from "./apply.ts";
import { bundle } from "./bundle.ts";
import { calibrationTable } from "./calibration-table.ts";
import { activate, load, unload } from "./daemon-verbs.ts";
import { delta } from "./delta.ts";
import { gc } from "./gc.ts";
import { importModel } from "./import.ts";
import { inspect } from "./inspect.ts";
import { install } from "./install.ts";
import { keygen } from "./keygen.ts";
import { list } from "./list.ts";
import { quantize } from "./quantize.ts";
import { rollback } from "./rollback.ts";
import { sign } from "./sign.ts";
import { split } from "./split.ts";
import { verify } from "./verify.ts";

/** The commands of `sightline model`, in the order of its help. */
export const SUB_VERBS: readonly Verb[] = [
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
  load,
  unload,
  activate,
  gc,
  delta,
  apply,
];
