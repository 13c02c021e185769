import { resolve } from "node:path";
import { type Store, storeAt } from "../../../models/store/store.ts";
import type { CommandContext } from "../../verb.ts";
import { readVersion } from "../../version.ts";

/** Folder of the model store; by default next to the daemon's `data` and `evidence`. */
export const STORE_OPTION = { store: { type: "string", default: "model-store" } } as const;

export const storeOf = ({ store }: { store: string }, { cwd }: CommandContext): Store =>
  storeAt({ root: resolve(cwd, store), runtime: readVersion() });
