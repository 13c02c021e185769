import { once } from "node:events";
import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { join } from "node:path";
import { type Child, startChild } from "./child-processes.ts";
import { tempFolder } from "./temp-folder.ts";

const BINARY = ["/usr/sbin/mosquitto", "/usr/local/sbin/mosquitto", "/usr/bin/mosquitto"].find((path) =>
  existsSync(path),
);

/** A real Mosquitto on a free loopback port, without persistence: each start is a fresh broker. */
export class Mosquitto {
  readonly port: number;
  readonly folder: string;
  readonly #configFile: string;
  #child: Child | undefined;

  private constructor(port: number, folder: string) {
    this.port = port;
    this.folder = folder;
    this.#configFile = join(folder, "mosquitto.conf");
  }

  /** `lines` follow the listener's line in the configuration. The broker ends with the test. */
  static async start(lines: string[] = ["allow_anonymous true"], port?: number): Promise<Mosquitto> {
    const broker = new Mosquitto(port ?? (await freePort()), await tempFolder());
    await broker.configure(lines);
    await broker.start();
    return broker;
  }

  /** Takes effect at the next start. */
  async configure(lines: string[]): Promise<void> {
    // As root, Mosquitto would change to a user who cannot read the test's files.
    const config = [`listener ${this.port} 127.0.0.1`, "user root", "max_queued_messages 0", ...lines, ""];
    await writeFile(this.#configFile, config.join("\n"));
  }

  async start(): Promise<void> {
    if (!BINARY)
      throw new Error("These tests need Mosquitto: apt-get install mosquitto (Debian package `mosquitto`)");
    const child = startChild(BINARY, ["-c", this.#configFile], { stdio: ["ignore", "ignore", "pipe"] });
    this.#child = child;
    let output = "";
    child.stderr.on("data", (chunk) => {
      output += chunk;
    });
    await untilListening(this.port, () => {
      if (child.exitCode !== null) throw new Error(`mosquitto ended with ${child.exitCode}: ${output}`);
    });
  }

  /** kill -9; may be called twice. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill("SIGKILL");
    await exited;
  }

  /** Stops or continues the process, as a broker that hangs. */
  signal(signal: "SIGSTOP" | "SIGCONT"): void {
    this.#child?.kill(signal);
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

async function untilListening(port: number, check: () => void): Promise<void> {
  for (;;) {
    check();
    const socket = connect(port, "127.0.0.1");
    const open = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true));
      socket.once("error", () => resolve(false));
    });
    socket.destroy();
    if (open) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
