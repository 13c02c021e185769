import { SightlineError } from "../../runtime/base/errors.ts";
import { checkInstalled } from "./installed.ts";
import { noteHighest, pointTo, readModelFolder } from "./model-folder.ts";
import { type Store, whileLocked } from "./store.ts";

/**
 * Makes a model's previous version its current one, and the other way round: a second rollback goes forward again.
 * Errors: ERR_MODEL_MISSING (no previous version), _STORE, _STORE_BUSY, and those of a version that is damaged.
 */
export function rollback(store: Store, name: string): Promise<{ from: string; to: string }> {
  return whileLocked(store, async () => {
    const modelFolder = await readModelFolder(store, name);
    const { current, previous, highest } = modelFolder;
    if (current === undefined || previous === undefined || previous === current) {
      const message = current === undefined ? "is not installed" : `${current} has no previous version`;
      const hint = "`sightline model list` shows what is installed.";
      throw new SightlineError("ERR_MODEL_MISSING", `${name} ${message}`, { hint });
    }
    await checkInstalled(store, modelFolder, previous);
    // Before its only trace, the link to it, is gone.
    await noteHighest(store, modelFolder, highest ?? current);
    await pointTo(store, modelFolder, "current", previous);
    await pointTo(store, modelFolder, "previous", current);
    return { from: current, to: previous };
  });
}
