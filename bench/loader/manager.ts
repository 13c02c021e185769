import { systemClock } from "../../runtime/base/clock.ts";
import { silentLogger } from "../../runtime/base/logger.ts";
import { BundleReader } from "../../runtime/loader/bundle-reader.ts";
import { type Built, ModelManager, type ModelManagerOptions } from "../../runtime/loader/model-manager.ts";
import { inputFeeds, type OpenedModel } from "../../runtime/loader/model-version.ts";
import { PreparedCache } from "../../runtime/loader/prepared/prepared-cache.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";
import type { NamedTensors } from "../../runtime/tensor/tensor.ts";
import { INPUT_DIMS } from "../../test/support/small-bundles.ts";

/** What a frame uses of a model here. */
export interface Opened extends OpenedModel, Built {}

type Policy = ModelManagerOptions["models"][string];

export const POLICY = { preload: false, pin: false, stream: "never" } as const satisfies Partial<Policy>;

/** A manager over models of their own folders, on `slots` threads. */
export async function openManager(
  models: Record<string, Policy>,
  { budgetBytes, cacheFolder, slots }: { budgetBytes: number; cacheFolder: string; slots: number },
): Promise<{ manager: ModelManager<Opened>; close(): Promise<void> }> {
  const provider = new CpuExecutionProvider({ slots, intraOpThreads: 1 });
  provider.start();
  const crashes = { quarantineOf: () => undefined, forgive: async () => {} };
  const build = (_: string, { bundle, session }: OpenedModel): Opened => ({
    bundle,
    session,
    warmUp: async () => {
      await session.run(0, inputFeeds(bundle));
    },
    close: () => {},
  });
  const reader = new BundleReader({ folder: cacheFolder, targets: ["any"] });
  const cache = new PreparedCache(provider, { folder: cacheFolder, machine: ["bench"] });
  const manager = new ModelManager<Opened>(
    { provider, clock: systemClock, logger: silentLogger, crashes, reader, cache, build },
    { models, activationBytes: 2 ** 30, budgetBytes },
  );
  await manager.start();
  const close = async () => {
    await manager.stop();
    await provider.close();
  };
  return { manager, close };
}

/** The same picture for everybody. */
export function picture(): NamedTensors {
  const length = INPUT_DIMS.reduce<number>((product, dim) => product * dim, 1);
  const data = Float32Array.from({ length }, (_, i) => ((i * 7919) % 1000) / 500 - 1);
  return { x: { dtype: "float32", dims: INPUT_DIMS, data } };
}

/** What identifies an answer: all of its bits. */
export const bitsOf = ({ y }: NamedTensors): string =>
  Buffer.from(y?.data.buffer ?? new ArrayBuffer(0), y?.data.byteOffset, y?.data.byteLength).toString(
    "base64",
  );
