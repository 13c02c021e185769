import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { onTestFinished } from "vitest";

/** CONNACK without error for the protocol level that the CONNECT packet asked for. */
export function connack(connect: Buffer): Buffer {
  const level = protocolLevel(connect);
  return Buffer.from(level === 5 ? [0x20, 3, 0, 0, 0] : [0x20, 2, 0, 0]);
}

/** 5 for MQTT 5, 4 for 3.1.1: the byte behind the protocol's name. */
export const protocolLevel = (connect: Buffer): number => connect[connect.indexOf("MQTT") + 4] ?? 0;

/** A server that does to each connection what the test says; stops with the test. */
export class CrudeBroker {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();

  private constructor(onSocket: (socket: Socket) => void) {
    this.#server = createServer((socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => this.#sockets.delete(socket));
      onSocket(socket);
    });
  }

  static async start(port: number, onSocket: (socket: Socket) => void): Promise<CrudeBroker> {
    const broker = new CrudeBroker(onSocket);
    broker.#server.listen(port, "127.0.0.1");
    await once(broker.#server, "listening");
    onTestFinished(() => broker.stop());
    return broker;
  }

  /** May be called twice. */
  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }
}
