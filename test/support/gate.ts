import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setImmediate } from "node:timers/promises";
import { onTestFinished } from "vitest";
import { freePort } from "./mosquitto.ts";

/** A door between one client and a broker: it can be shut, and it can keep the broker's answers to itself. */
export class Gate {
  readonly port: number;
  readonly #target: number;
  readonly #sockets = new Set<Socket>();
  #server: Server | undefined;
  #upstream: Socket | undefined;

  private constructor(port: number, target: number) {
    this.port = port;
    this.#target = target;
  }

  static async before(target: number, port?: number): Promise<Gate> {
    const gate = new Gate(port ?? (await freePort()), target);
    await gate.open();
    onTestFinished(() => gate.shut());
    return gate;
  }

  async open(): Promise<void> {
    this.#server = createServer((client) => this.#connect(client)).listen(this.port, "127.0.0.1");
    await once(this.#server, "listening");
  }

  /** Breaks every connection; new ones are refused. May be called twice. */
  async shut(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server?.listening) await new Promise((resolve) => server.close(resolve));
  }

  /** From now on nothing that the broker says reaches the client of this connection; it has seen all before. */
  async holdAnswers(): Promise<void> {
    this.#upstream?.unpipe();
    // What was passed on before lies in the client's socket: loopback delivers at once, the loop reads it next.
    for (let turn = 0; turn < 5; turn++) await setImmediate();
  }

  #connect(client: Socket): void {
    const upstream = connect(this.#target, "127.0.0.1");
    this.#upstream = upstream;
    client.pipe(upstream);
    upstream.pipe(client);
    for (const [socket, other] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
    }
  }
}
