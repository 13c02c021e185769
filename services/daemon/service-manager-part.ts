import type { Logger } from "../../runtime/base/logger.ts";
import { sendDatagram } from "../../runtime/native/index.ts";
import type { Part } from "./part.ts";

interface Deps {
  logger: Logger;
  /** `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`, as systemd sets them (sd_notify(3), sd_watchdog_enabled(3)). */
  env: Readonly<Record<string, string | undefined>>;
  /** This process's id: the watchdog may be meant for another one. */
  pid: number;
}

/**
 * Tells systemd that the daemon is ready, that its main loop goes round, and that it is stopping. Started last, so that
 * ready means that frames flow. Does nothing where no service manager listens.
 */
export class ServiceManagerPart implements Part {
  readonly name = "service manager";
  readonly #deps: Deps;
  #watchdog: NodeJS.Timeout | undefined;

  constructor(deps: Deps) {
    this.#deps = deps;
  }

  async start(): Promise<void> {
    this.#tell("READY=1");
    const periodMs = this.#watchdogMs();
    if (periodMs === undefined) return;
    // Twice within the limit, as sd_watchdog_enabled(3) recommends.
    this.#watchdog = setInterval(() => this.#tell("WATCHDOG=1"), periodMs / 2);
    this.#watchdog.unref();
  }

  async stop(): Promise<void> {
    clearInterval(this.#watchdog);
    this.#tell("STOPPING=1");
  }

  #watchdogMs(): number | undefined {
    const { WATCHDOG_PID: pid, WATCHDOG_USEC: usec } = this.#deps.env;
    if (pid !== undefined && Number(pid) !== this.#deps.pid) return undefined;
    const periodMs = Number(usec) / 1_000;
    return periodMs > 0 ? periodMs : undefined;
  }

  #tell(state: string): void {
    const path = this.#deps.env.NOTIFY_SOCKET;
    if (!path) return;
    const error = sendDatagram(path, state);
    if (error !== null) this.#deps.logger.warn({ path, state, error }, "cannot tell the service manager");
  }
}
