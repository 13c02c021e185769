import type { Rect } from "../native/index.ts";
import type { Picture } from "./frame.ts";
import type { ModelInput } from "./preprocess.ts";

const keys = new WeakMap<Picture, Map<string, object>>();

/** The same object for the same part of the same picture, made into the same tensor; it goes with the picture. */
export function shareKey(picture: Picture, area: Rect | undefined, input: ModelInput): object {
  const known = keys.get(picture) ?? new Map<string, object>();
  keys.set(picture, known);
  const what = JSON.stringify([area, input]);
  const key = known.get(what) ?? {};
  known.set(what, key);
  return key;
}
