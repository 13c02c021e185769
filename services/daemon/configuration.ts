import { isDeepStrictEqual } from "node:util";
import type { Config } from "../../config/schema/schema.ts";
import { SightlineError } from "../../runtime/base/errors.ts";

/** A configuration as it was read, with where its file says what. */
export interface ReadConfig {
  config: Config;
  /** `sightline.yaml:9:7`, for a path such as `["engine", "slots"]`. */
  at(path: readonly string[]): string;
}

/** Reads the configuration's file. Errors: ERR_CONFIG_READ, ERR_CONFIG_INVALID. */
export type ReadConfiguration = () => ReadConfig;

/** Refuses what no part can change. Errors: ERR_RELOAD, which names each key and where it stands. */
export function refuseFixed(
  before: Config,
  { at, config }: ReadConfig,
  changeable: ReadonlySet<string>,
): void {
  const sections = Object.keys({ ...before, ...config }) as (keyof Config)[];
  const fixed = sections.filter(
    (name) => !changeable.has(name) && !isDeepStrictEqual(before[name], config[name]),
  );
  if (fixed.length === 0) return;
  const paths = fixed.flatMap((name) => changedIn(name, before[name], config[name]));
  const named = paths.map((path) => `${at(path)}: ${path.join(".")}`);
  throw new SightlineError("ERR_RELOAD", `${named.join(", ")} cannot change while the daemon is running`);
}

/** The keys of a section that differ; the section where it is none of keys. */
function changedIn(name: string, before: unknown, after: unknown): string[][] {
  if (!isSection(before) || !isSection(after)) return [[name]];
  const keys = Object.keys({ ...before, ...after });
  return keys.filter((key) => !isDeepStrictEqual(before[key], after[key])).map((key) => [name, key]);
}

const isSection = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null;
