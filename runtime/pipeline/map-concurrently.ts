/**
 * Runs `work` for each item, at most `concurrency` at a time, and gives the results in order. After a failure no other
 * item is begun, and it rejects only when those under way have ended: they may still read what the caller owns.
 */
export async function mapConcurrently<In, Out>(
  items: readonly In[],
  concurrency: number,
  work: (item: In) => Promise<Out>,
): Promise<Out[]> {
  const results: Out[] = [];
  const failures: unknown[] = [];
  const queue = items.entries();
  const lane = async () => {
    for (const [i, item] of queue) {
      try {
        results[i] = await work(item);
      } catch (error) {
        failures.push(error);
      }
      if (failures.length > 0) return;
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, concurrency) }, lane));
  if (failures.length > 0) throw failures[0];
  return results;
}
