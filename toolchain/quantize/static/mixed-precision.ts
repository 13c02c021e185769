/** How good a model is with these layers in float: higher is better. */
export type Evaluate = (exclude: ReadonlySet<string>) => Promise<number>;

export interface MixedOptions {
  /** Layers that may become float, each by its first output. */
  layers: readonly string[];
  /** What `Evaluate` shall reach. */
  target: number;
  onProgress?: (done: number, of: number) => void;
}

export interface Mixed {
  /** Layers that stay float. */
  exclude: ReadonlySet<string>;
  score: number;
  /** What each layer alone gains by staying float, the largest first. */
  gains: readonly { layer: string; gain: number }[];
}

/**
 * Leaves layers in float until the target is met: first those that gain most when they alone are float, always
 * judged on the whole set, because layers make up for each other. Half of what was taken is then given back one by
 * one where the target holds without it. The layers' number decides the cost: one evaluation each, and as many again
 * at most. `exclude` is all of them when even that does not meet the target.
 */
export async function mixedPrecision(evaluate: Evaluate, options: MixedOptions): Promise<Mixed> {
  const { layers, target, onProgress = () => {} } = options;
  const none = await evaluate(new Set());
  if (none >= target) return { exclude: new Set(), score: none, gains: [] };
  const gains: { layer: string; gain: number }[] = [];
  for (const layer of layers) {
    gains.push({ layer, gain: (await evaluate(new Set([layer]))) - none });
    onProgress(gains.length, layers.length);
  }
  gains.sort((a, b) => b.gain - a.gain);
  const order = gains.map(({ layer }) => layer);
  const count = await fewest(
    order.length,
    async (n) => (await evaluate(new Set(order.slice(0, n)))) >= target,
  );
  const exclude = await thinned(evaluate, order.slice(0, count), target);
  return { exclude, score: await evaluate(exclude), gains };
}

/** The smallest n up to `max` for which `isEnough`, by halving; scores grow with n but for noise. */
async function fewest(max: number, isEnough: (n: number) => Promise<boolean>): Promise<number> {
  let [low, high] = [0, max];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (await isEnough(middle)) high = middle;
    else low = middle;
  }
  return high;
}

async function thinned(evaluate: Evaluate, chosen: readonly string[], target: number): Promise<Set<string>> {
  const exclude = new Set(chosen);
  for (const layer of chosen.toReversed().slice(0, Math.ceil(chosen.length / 2))) {
    exclude.delete(layer);
    if ((await evaluate(exclude)) < target) exclude.add(layer);
  }
  return exclude;
}
