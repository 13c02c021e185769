import { modelsOf } from "../config/schema/pipelines.ts";
import type { Config } from "../config/schema/schema.ts";
import { openBundle } from "../models/bundle/bundle.ts";
import { machineTargets } from "../models/bundle/targets.ts";
import { formatBytes } from "../runtime/base/units.ts";
import { cpuFeatures } from "../runtime/native/index.ts";

/** Models that must be in memory at the same time but do not fit. */
export interface BudgetProblem {
  /** The key in the configuration that requires it. */
  path: readonly string[];
  message: string;
  hint: string;
}

const HINT = "raise engine.model_budget, set stream: auto, or unpin other models";

/**
 * What cannot fit into the memory budget for models, as far as it is known before anything is opened: a model that may
 * not stream needs at least its weights, and a frame needs all models of its pipeline in addition to the pinned ones.
 * Bundles that are not on this machine are left out, and a budget that depends on the machine is not checked.
 */
export async function budgetProblems({ engine, models, pipelines }: Config): Promise<BudgetProblem[]> {
  const budget = engine.model_budget;
  if (budget === "auto") return [];
  const sizes = new Map<string, number>();
  for (const [name, model] of Object.entries(models)) {
    if (model.stream === "never") sizes.set(name, await weightBytes(model));
  }
  const pinned = Object.keys(models).filter((name) => models[name]?.pin);
  const needs = Object.entries(pipelines).map(([name, pipeline]) => ({
    path: ["pipelines", name],
    names: modelsOf(pipeline),
  }));
  return [{ path: ["engine", "model_budget"], names: [] }, ...needs].flatMap(({ names, path }) => {
    const together = [...new Set([...pinned, ...names])].filter((name) => sizes.has(name));
    const bytes = together.reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
    return bytes > budget ? [{ path, message: text(together, bytes, budget), hint: HINT }] : [];
  });
}

function text(names: readonly string[], bytes: number, budget: number): string {
  const verb = names.length === 1 ? "needs" : "together need";
  return `${names.join(" and ")} ${verb} at least ${formatBytes(bytes)}, engine.model_budget is ${formatBytes(budget)}`;
}

async function weightBytes({ bundle, variant }: Config["models"][string]): Promise<number> {
  try {
    const targets = machineTargets(process.arch, cpuFeatures());
    return (await openBundle(bundle, { targets, variant })).bytes;
  } catch {
    return 0;
  }
}
