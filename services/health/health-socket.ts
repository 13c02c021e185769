import { rm } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { SightlineError } from "../../runtime/base/errors.ts";
import { checkSocketPath } from "./socket-path.ts";

const socketPath = (folder: string): string => join(folder, "health.sock");

/** Answers every local connection with the health record as one line of JSON, broker or no broker. */
export class HealthSocket {
  readonly #folder: string;
  readonly #health: () => Promise<object>;
  #server: Server | undefined;

  constructor(health: () => Promise<object>, options: { folder: string }) {
    this.#health = health;
    this.#folder = options.folder;
  }

  async start(): Promise<void> {
    const path = socketPath(this.#folder);
    checkSocketPath(path);
    // The store is locked by now, so a socket that stands here belongs to a daemon that has died.
    await rm(path, { force: true });
    const server = createServer((socket) => void this.#answer(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(path, resolve);
    });
    this.#server = server;
  }

  /** A client that lingers, talks or asks while no record can be made costs its own connection and no more. */
  async #answer(socket: Socket): Promise<void> {
    socket.on("error", () => socket.destroy());
    // Whatever it says: unread, it would keep the connection open, and with it the server.
    socket.resume();
    const record = await this.#health().catch(() => undefined);
    if (record) socket.write(`${JSON.stringify(record)}\n`);
    socket.destroySoon();
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise((resolve) => server.close(resolve));
  }
}

/** Asks the daemon that owns `folder`. Errors: ERR_DAEMON_UNREACHABLE. */
export function askHealth(folder: string, timeoutMs: number): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const fail = (reason: string) => {
      socket.destroy();
      reject(new SightlineError("ERR_DAEMON_UNREACHABLE", `${socketPath(folder)}: ${reason}`));
    };
    let text = "";
    const socket = createConnection(socketPath(folder));
    socket.setEncoding("utf8").setTimeout(timeoutMs, () => fail("no answer"));
    socket.on("error", (error: NodeJS.ErrnoException) => fail(error.code ?? error.message));
    socket.on("data", (chunk) => {
      text += chunk;
    });
    socket.on("end", () => {
      try {
        resolve(JSON.parse(text));
      } catch {
        fail("the answer is cut off");
      }
    });
  });
}
