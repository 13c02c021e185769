import { createServer, type Server } from "node:net";
import { Aedes } from "aedes";

/**
 * A broker in this process, for the demo and for tests of MQTT 3.1.1: no access rules, nothing kept on disk.
 * The one door to aedes.
 */
export class EmbeddedBroker {
  readonly #server: Server;
  readonly #broker: Aedes;
  readonly port: number;

  private constructor(broker: Aedes, server: Server, port: number) {
    this.#broker = broker;
    this.#server = server;
    this.port = port;
  }

  /** Listens on 127.0.0.1, on `port` or, when that is taken, on a free one. */
  static async listen(port: number): Promise<EmbeddedBroker> {
    const broker = await Aedes.createBroker();
    const server = createServer(broker.handle);
    await listen(server, port).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EADDRINUSE") throw error;
      return listen(server, 0);
    });
    const address = server.address();
    return new EmbeddedBroker(broker, server, typeof address === "object" && address ? address.port : port);
  }

  /** Called for every message that a client publishes. */
  onMessage(listener: (topic: string, payload: Buffer) => void): void {
    this.#broker.on("publish", (packet, client) => {
      if (client) listener(packet.topic, Buffer.from(packet.payload));
    });
  }

  async close(): Promise<void> {
    await new Promise<void>((resolve) => this.#broker.close(resolve));
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
}
