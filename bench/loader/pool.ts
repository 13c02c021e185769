import { silentLogger } from "../../runtime/base/logger.ts";
import { PreparedCache } from "../../runtime/loader/prepared/prepared-cache.ts";
import { StagePool } from "../../runtime/loader/stage-pool.ts";
import { CpuExecutionProvider } from "../../runtime/session/cpu-provider.ts";

/** The part of the daemon that has models in memory, with one slot of one thread. */
export function openPool(cacheFolder: string): { provider: CpuExecutionProvider; pool: StagePool } {
  const provider = new CpuExecutionProvider({ slots: 1, intraOpThreads: 1 });
  provider.start();
  const cache = new PreparedCache(provider, { folder: cacheFolder, machine: ["bench"] });
  return { provider, pool: new StagePool({ provider, cache, logger: silentLogger }) };
}
