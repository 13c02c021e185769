import { once } from "node:events";
import type { IncomingMessage } from "node:http";
import type { Duplex } from "node:stream";
import type { FastifyInstance, FastifyRequest } from "fastify";
import { WebSocketServer } from "ws";
import { SightlineError } from "../../runtime/base/errors.ts";
import type { LivePicture, LiveView } from "./live-view.ts";
import { problemOf } from "./problem.ts";

export type LiveViews = Readonly<Record<string, LiveView>>;

const BOUNDARY = "sightline";
const SOCKET_PATH = /^\/cameras\/([a-z0-9_-]{1,64})\/live\.ws$/;
/** Watchers have nothing to say. */
const SAID_BYTES_MAX = 1_024;
const PROBE_MS = 30_000;

/** `GET /cameras/{camera}/live`: MJPEG, which any browser shows in an `<img>`. */
export function liveRoute(server: FastifyInstance, views: () => LiveViews): void {
  server.get("/cameras/:camera/live", async (request: FastifyRequest, reply) => {
    const view = viewOf(views(), (request.params as { camera: string }).camera);
    const drawn = isDrawn((request.query as { boxes?: unknown }).boxes);
    reply.hijack();
    const response = reply.raw;
    response.socket?.setKeepAlive(true, PROBE_MS);
    response.writeHead(200, {
      "content-type": `multipart/x-mixed-replace; boundary=${BOUNDARY}`,
      "cache-control": "no-store",
      connection: "close",
    });
    response.flushHeaders();
    const closed = once(response, "close");
    const send = async (live: LivePicture): Promise<void> => {
      if (!response.write(part(live, !drawn))) await Promise.race([once(response, "drain"), closed]);
    };
    const leave = view.watch({ drawn, send, end: () => response.end() });
    closed.then(leave, leave);
  });
}

function part({ info, jpeg }: LivePicture, withInfo: boolean): Buffer {
  // Headers are ASCII; JSON has an escape for everything else.
  const ascii = info.replace(/[^ -~]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`);
  const head = [
    `--${BOUNDARY}`,
    "Content-Type: image/jpeg",
    `Content-Length: ${jpeg.byteLength}`,
    ...(withInfo ? [`X-Sightline: ${ascii}`] : []),
    "",
    "",
  ];
  return Buffer.concat([Buffer.from(head.join("\r\n")), jpeg, Buffer.from("\r\n")]);
}

/** `GET /cameras/{camera}/live.ws`: for each frame a text message, what was seen, and a binary one, the JPEG. */
export class LiveSockets {
  readonly #server = new WebSocketServer({ noServer: true, maxPayload: SAID_BYTES_MAX });
  readonly #views: () => LiveViews;
  readonly #admit: (request: IncomingMessage) => void;

  constructor(deps: { views: () => LiveViews; admit: (request: IncomingMessage) => void }) {
    this.#views = deps.views;
    this.#admit = deps.admit;
  }

  /** For the HTTP server's event `upgrade`. */
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void {
    socket.on("error", () => socket.destroy());
    try {
      this.#admit(request);
      const { pathname, searchParams } = new URL(request.url ?? "/", "http://device");
      const view = viewOf(this.#views(), SOCKET_PATH.exec(pathname)?.[1] ?? "");
      const drawn = isDrawn(searchParams.get("boxes") ?? undefined);
      request.socket.setKeepAlive(true, PROBE_MS);
      this.#server.handleUpgrade(request, socket, head, (client) => {
        const send = ({ info, jpeg }: LivePicture): Promise<void> => {
          client.send(info);
          return new Promise((resolve) => client.send(jpeg, () => resolve()));
        };
        client.on("error", () => client.terminate());
        client.on("close", view.watch({ drawn, send, end: () => client.terminate() }));
      });
    } catch (error) {
      refuse(socket, error);
    }
  }
}

function refuse(socket: Duplex, error: unknown): void {
  const { body, status } = problemOf(error);
  const text = JSON.stringify(body);
  const head = [
    `HTTP/1.1 ${status} Refused`,
    "content-type: application/json; charset=utf-8",
    `content-length: ${Buffer.byteLength(text)}`,
    "connection: close",
  ];
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`);
}

function viewOf(views: LiveViews, camera: string): LiveView {
  const view = Object.hasOwn(views, camera) ? views[camera] : undefined;
  if (view) return view;
  throw new SightlineError("ERR_HTTP_NOT_FOUND", `there is no camera "${camera}" that a pipeline watches`);
}

function isDrawn(boxes: unknown): boolean {
  if (boxes === undefined || boxes === "drawn") return true;
  if (boxes === "json") return false;
  throw new SightlineError("ERR_HTTP_REQUEST", `boxes must be drawn or json, not "${boxes}"`);
}
