import { rm } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type ErrorRecord, SightlineError } from "../../runtime/base/errors.ts";
import { checkSocketPath } from "./socket-path.ts";

/** What the daemon does on request, by name; each takes the request's argument. */
export type Requests = Readonly<Record<string, (argument: string) => Promise<unknown>>>;

type Answer = { data: unknown } | { error: ErrorRecord };

/** Longer lines are nobody's request. */
const REQUEST_CHARS_MAX = 4_096;

const socketPath = (folder: string): string => join(folder, "control.sock");

/** Does what a local command asks for: one line of JSON in, `{request, argument}`, one line out. */
export class ControlSocket {
  readonly #requests: Requests;
  readonly #folder: string;
  #server: Server | undefined;

  constructor(requests: Requests, options: { folder: string }) {
    this.#requests = requests;
    this.#folder = options.folder;
  }

  /** Errors: ERR_STORE_OPEN when the folder's path is too long for a socket. */
  async start(): Promise<void> {
    const path = socketPath(this.#folder);
    checkSocketPath(path);
    // The store is locked by now, so a socket that stands here belongs to a daemon that has died.
    await rm(path, { force: true });
    const server = createServer((socket) => void this.#serve(socket));
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject).listen(path, resolve);
    });
    this.#server = server;
  }

  async stop(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server) await new Promise((resolve) => server.close(resolve));
  }

  async #serve(socket: Socket): Promise<void> {
    socket.on("error", () => socket.destroy());
    let text = "";
    socket.setEncoding("utf8").on("data", (chunk: string) => {
      text += chunk;
      if (text.length > REQUEST_CHARS_MAX) socket.destroy();
      const end = text.indexOf("\n");
      if (end < 0) return;
      socket.removeAllListeners("data").resume();
      void this.#answer(text.slice(0, end)).then((answer) => {
        socket.write(`${JSON.stringify(answer)}\n`);
        socket.destroySoon();
      });
    });
  }

  async #answer(line: string): Promise<Answer> {
    try {
      const { argument = "", request } = parsed(line);
      const work = Object.hasOwn(this.#requests, request) ? this.#requests[request] : undefined;
      if (!work) throw new SightlineError("ERR_REQUEST", `there is no request "${request}"`);
      return { data: (await work(argument)) ?? null };
    } catch (error) {
      return { error: SightlineError.wrap("ERR_REQUEST", error).toRecord() };
    }
  }
}

function parsed(line: string): { request: string; argument?: string } {
  const value: unknown = JSON.parse(line);
  const { argument, request } = (value ?? {}) as { request?: unknown; argument?: unknown };
  if (typeof request === "string" && ["string", "undefined"].includes(typeof argument)) {
    return value as { request: string; argument?: string };
  }
  throw new SightlineError("ERR_REQUEST", "a request is {request, argument}, both texts");
}

/**
 * Has the daemon that owns `folder` do something. Errors: ERR_DAEMON_UNREACHABLE, and whatever the daemon answers.
 */
export async function request(folder: string, name: string, argument?: string): Promise<unknown> {
  const socket = createConnection(socketPath(folder));
  try {
    socket.write(`${JSON.stringify({ request: name, argument })}\n`);
    for await (const line of createInterface(socket)) {
      const answer: Answer = JSON.parse(line);
      if ("data" in answer) return answer.data;
      const { code, hint, message } = answer.error;
      throw new SightlineError(code, message, { hint });
    }
  } catch (error) {
    throw SightlineError.wrap("ERR_DAEMON_UNREACHABLE", error, socketPath(folder));
  } finally {
    socket.destroy();
  }
  throw new SightlineError("ERR_DAEMON_UNREACHABLE", `${socketPath(folder)}: no answer`);
}
