import { rm } from "node:fs/promises";
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type Answer, type Answerer, refusal } from "../../runtime/base/answer.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { checkSocketPath } from "./socket-path.ts";

/** Longer lines are nobody's request. */
const REQUEST_CHARS_MAX = 4_096;

const socketPath = (folder: string): string => join(folder, "control.sock");

/** Does what a local command asks for: one line of JSON in, `{request, args}`, one line out. */
export class ControlSocket {
  readonly #answerer: Answerer;
  readonly #folder: string;
  #server: Server | undefined;

  constructor(answerer: Answerer, options: { folder: string }) {
    this.#answerer = answerer;
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
      const { args, request } = parsed(line);
      return await this.#answerer(request, args);
    } catch (error) {
      return refusal(error);
    }
  }
}

function parsed(line: string): { request: string; args?: unknown } {
  const value: unknown = JSON.parse(line);
  const { args, request } = (value ?? {}) as { request?: unknown; args?: unknown };
  if (typeof request === "string") return { request, args };
  throw new SightlineError("ERR_REQUEST", "a request must be {request, args}");
}

/**
 * Has the daemon that owns `folder` do something. Errors: ERR_DAEMON_UNREACHABLE, also after `limitMs` of silence, and
 * whatever the daemon answers.
 */
export async function request(
  folder: string,
  name: string,
  args?: object,
  limitMs = Number.POSITIVE_INFINITY,
): Promise<unknown> {
  const socket = createConnection(socketPath(folder));
  if (Number.isFinite(limitMs)) socket.setTimeout(limitMs, () => socket.destroy(new Error("no answer")));
  try {
    socket.write(`${JSON.stringify({ request: name, args })}\n`);
    for await (const line of createInterface(socket)) {
      const answer: Answer = JSON.parse(line);
      if (answer.status === "ok") return answer.data;
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
