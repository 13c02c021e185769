import type { PoolRunnerInitializer } from "vitest/node";
import { ForksPoolWorker } from "vitest/node";

/** Vitest's forks, with another command than this process's Node: an emulated one, or one with libraries preloaded. */
export function otherNode(command: string): PoolRunnerInitializer {
  return { name: command, createPoolWorker: (options) => new OtherNodeWorker(options, command) };
}

class OtherNodeWorker extends ForksPoolWorker {
  /** By it Vitest knows a worker again that could take another file. */
  override readonly name: string;
  readonly #command: string;

  constructor(options: ConstructorParameters<typeof ForksPoolWorker>[0], command: string) {
    super(options);
    this.name = command;
    this.#command = command;
  }

  /** Node's `fork` takes the path of this process's Node, and looks it up before it returns. */
  override start(): Promise<void> {
    const own = process.execPath;
    process.execPath = this.#command;
    try {
      return super.start();
    } finally {
      process.execPath = own;
    }
  }
}
