import { once } from "node:events";
import { get, type IncomingMessage } from "node:http";
import { setImmediate as settled } from "node:timers/promises";
import { expect, onTestFinished, test } from "vitest";
import { WebSocket } from "ws";
import { silentLogger as logger } from "../../../runtime/base/logger.ts";
import type { Picture } from "../../../runtime/pipeline/frame.ts";
import type { InspectionResult } from "../../../runtime/pipeline/result.ts";
import { HttpServer } from "../../../services/http/http-server.ts";
import { type LivePicture, LiveView, type Shown } from "../../../services/http/live-view.ts";
import { noModels } from "../../support/inference.ts";

const shown = (id: number): Shown => ({
  result: {
    id: `result-${id}`,
    pipeline: "top",
    ts_ms: id,
    part_id: "Teil ä",
    verdict: "fail",
    frame: { id, w: 64, h: 48 },
    detections: [{ label: "short", score: 0.9, box_px: [1, 2, 3, 4], fails: true, class_id: 1, area_px: 4 }],
  } as unknown as InspectionResult,
  source: { width: 64, height: 48 },
  detections: [],
});

const PICTURE: Picture = { encoding: "still", bytes: new Uint8Array() };

/** A view whose JPEG is the frame's id and whether it is drawn; `copies` are the frames that were copied. */
function aView() {
  const copies: number[] = [];
  const view = new LiveView({
    logger,
    encode: async ({ result }, _picture, drawn) => Buffer.from(`${result.frame.id}${drawn ? " drawn" : ""}`),
  });
  const show = (id: number) =>
    view.show(shown(id), async () => {
      copies.push(id);
      return PICTURE;
    });
  return { view, show, copies };
}

const textOf = ({ jpeg }: LivePicture): string => Buffer.from(jpeg).toString();

test("nothing is copied or encoded while nobody watches, once for all who do, and nothing after", async () => {
  const { copies, show, view } = aView();
  for (let id = 1; id <= 100; id++) show(id);
  await settled();
  expect([copies, view.encoded]).toEqual([[], 0]);
  const seen: string[] = [];
  const arrived = Promise.withResolvers<void>();
  const send = async (live: LivePicture) => {
    if (seen.push(textOf(live)) === 3) arrived.resolve();
  };
  const leave = [true, true, false].map((drawn) => view.watch({ drawn, send, end: () => {} }));
  show(101);
  await arrived.promise;
  expect(seen).toEqual(["101 drawn", "101 drawn", "101"]);
  expect([copies, view.encoded]).toEqual([[101], 2]);
  for (const end of leave) end();
  show(102);
  await settled();
  expect([copies, view.encoded, view.watchers]).toEqual([[101], 2, 0]);
});

test("one who is slow gets the newest next, and holds up neither frames nor others", async () => {
  const { show, view } = aView();
  const slow: string[] = [];
  const quick: string[] = [];
  const caughtUp = Promise.withResolvers<void>();
  const newest = Promise.withResolvers<void>();
  view.watch({
    drawn: true,
    end: () => {},
    send: async (live) => {
      slow.push(textOf(live));
      await caughtUp.promise;
      if (slow.length === 2) newest.resolve();
    },
  });
  let onQuick = () => {};
  view.watch({
    drawn: true,
    end: () => {},
    send: async (live) => {
      quick.push(textOf(live));
      onQuick();
    },
  });
  for (const id of [1, 2, 3, 4]) {
    const next = new Promise<void>((resolve) => {
      onQuick = resolve;
    });
    show(id);
    await next;
  }
  expect(quick).toEqual(["1 drawn", "2 drawn", "3 drawn", "4 drawn"]);
  caughtUp.resolve();
  await newest.promise;
  expect(slow).toEqual(["1 drawn", "4 drawn"]);
});

test("of frames that come faster than they are shown the newest is, also the last of a burst", async () => {
  const { show, view } = aView();
  const seen: string[] = [];
  const last = Promise.withResolvers<void>();
  view.watch({
    drawn: false,
    end: () => {},
    send: async (live) => {
      if (seen.push(textOf(live)) && textOf(live) === "50") last.resolve();
    },
  });
  for (let id = 1; id <= 50; id++) {
    show(id);
    await settled();
  }
  await last.promise;
  // On a busy machine the burst may last longer than what is shown for a moment.
  expect([seen[0], seen.at(-1)]).toEqual(["1", "50"]);
  expect(seen.length).toBeLessThan(25);
});

async function serve(token?: string) {
  const { show, view } = aView();
  const server = new HttpServer(
    {
      logger,
      inlets: () => ({}),
      evidence: () => undefined,
      health: async () => ({}),
      metrics: { contentType: "text/plain", text: async () => "" },
      ...noModels,
      live: () => ({ cam: view }),
    },
    { host: "127.0.0.1", port: 0, token, bodyBytesMax: 1_000 },
  );
  await server.start();
  onTestFinished(() => server.stop());
  const until = (watchers: number) => expect.poll(() => view.watchers).toBe(watchers);
  return { server, show, until, view, address: server.address ?? "" };
}

/** Reads until the text matches. */
async function read(response: IncomingMessage, pattern: RegExp): Promise<string> {
  let text = "";
  for await (const chunk of response.iterator({ destroyOnReturn: false })) {
    text += chunk;
    if (pattern.test(text)) return text;
  }
  throw new Error(`ended after ${text}`);
}

async function watch(address: string, path: string): Promise<IncomingMessage> {
  const [response] = await once(get(`http://${address}${path}`), "response");
  return response;
}

test("MJPEG: a part a frame; with boxes=json the boxes are in its header; leaving ends the encoding", async () => {
  const { address, show, until } = await serve();
  const plain = await watch(address, "/cameras/cam/live?boxes=json");
  const drawn = await watch(address, "/cameras/cam/live");
  expect(drawn.headers["content-type"]).toBe("multipart/x-mixed-replace; boundary=sightline");
  await until(2);
  show(7);
  const text = await read(plain, /\r\n\r\n7\r\n/);
  expect(text).toMatch(
    /^--sightline\r\nContent-Type: image\/jpeg\r\nContent-Length: 1\r\nX-Sightline: \{.*\}\r\n\r\n7/,
  );
  const info = JSON.parse(/X-Sightline: (.*)\r/.exec(text)?.[1] ?? "");
  expect(info).toMatchObject({ frame: { id: 7 }, part_id: "Teil ä", detections: [{ box_px: [1, 2, 3, 4] }] });
  expect(await read(drawn, /7 drawn/)).not.toContain("X-Sightline");
  plain.destroy();
  drawn.destroy();
  await until(0);
});

test("WebSocket: what was seen as text, then the JPEG", async () => {
  const { address, show, until } = await serve();
  const socket = new WebSocket(`ws://${address}/cameras/cam/live.ws?boxes=json`);
  const messages: [data: Buffer, isBinary: boolean][] = [];
  const both = new Promise<void>((resolve) => {
    socket.on("message", (data: Buffer, isBinary) => messages.push([data, isBinary]) === 2 && resolve());
  });
  await once(socket, "open");
  await until(1);
  show(9);
  await both;
  expect(messages.map(([, isBinary]) => isBinary)).toEqual([false, true]);
  expect(JSON.parse(String(messages[0]?.[0]))).toMatchObject({ verdict: "fail", frame: { id: 9 } });
  expect(String(messages[1]?.[0])).toBe("9");
  socket.close();
  await until(0);
});

test.each([
  ["an unknown camera", "/cameras/nope/live", 404, {}],
  ["boxes that are neither", "/cameras/cam/live?boxes=maybe", 400, {}],
  ["a foreign page", "/cameras/cam/live", 401, { origin: "https://evil.example" }],
])("%s is refused by HTTP and WebSocket alike", async (_, path, status, headers) => {
  const { address } = await serve();
  const [response] = await once(get(`http://${address}${path}`, { headers }), "response");
  expect(response.statusCode).toBe(status);
  response.resume();
  const socket = new WebSocket(`ws://${address}${path.replace("live", "live.ws")}`, { headers });
  const [, refusal] = await once(socket, "unexpected-response");
  expect(refusal.statusCode).toBe(status);
  expect(JSON.parse(await read(refusal, /\}\}$/))).toMatchObject({ error: { hint: expect.any(String) } });
});

test("with a token a WebSocket needs it too", async () => {
  const { address } = await serve("s3cret");
  const url = `ws://${address}/cameras/cam/live.ws`;
  const [, refusal] = await once(new WebSocket(url), "unexpected-response");
  expect(refusal.statusCode).toBe(401);
  refusal.destroy();
  const socket = new WebSocket(url, { headers: { authorization: "Bearer s3cret" } });
  await once(socket, "open");
  socket.close();
});

test("stopping ends all who watch", async () => {
  const { address, server, until } = await serve();
  const picture = await watch(address, "/cameras/cam/live");
  const socket = new WebSocket(`ws://${address}/cameras/cam/live.ws`);
  await until(2);
  const ended = Promise.all([once(picture.resume(), "close"), once(socket, "close")]);
  await server.stop();
  await ended;
});
