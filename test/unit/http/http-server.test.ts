import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { SightlineError } from "../../../runtime/base/errors.ts";
import { silentLogger as logger } from "../../../runtime/base/logger.ts";
import type { FrameInlet } from "../../../services/http/frames-route.ts";
import { type HttpOptions, HttpServer } from "../../../services/http/http-server.ts";
import { noModels } from "../../support/inference.ts";

type Pushed = Parameters<FrameInlet["push"]>[0];

/** A server with one camera, `gate`, that answers each frame with its size in bytes. */
async function serve(options: Partial<HttpOptions> = {}, push?: FrameInlet["push"]) {
  const pushed: Pushed[] = [];
  const gate: FrameInlet = {
    push: async (frame) => {
      pushed.push(frame);
      return push?.(frame) ?? [{ pipeline: "top", results: [{ bytes: frame.picture.bytes.length }] }];
    },
  };
  const server = new HttpServer(
    {
      logger,
      inlets: () => ({ gate }),
      evidence: () => undefined,
      live: () => ({}),
      health: async () => ({ uptime_s: 1 }),
      metrics: { contentType: "text/plain", text: async () => "up 1\n" },
      ...noModels,
    },
    { host: "127.0.0.1", port: 0, token: undefined, bodyBytesMax: 2_000, ...options },
  );
  await server.start();
  onTestFinished(() => server.stop());
  const url = `http://${server.address}`;
  const post = (path: string, init: RequestInit = {}) =>
    fetch(`${url}${path}`, {
      method: "POST",
      body: new Uint8Array(100),
      ...init,
      headers: { "content-type": "image/jpeg", ...init.headers },
    });
  return { server, url, pushed, post };
}

test("a picture is answered with the results, and what is said of it goes with it", async () => {
  const { post, pushed } = await serve();
  const answer = await post("/cameras/gate/frames?part_id=SN%C3%A4&ts_ms=5", {
    headers: { "x-trigger-id": "t1", "x-part-id": "the query counts" },
  });
  expect(answer.status).toBe(200);
  expect(await answer.json()).toEqual({ results: [{ bytes: 100 }] });
  expect(pushed).toEqual([
    expect.objectContaining({ partId: "SNä", triggerId: "t1", sourceTimeMs: 5, origin: "http 127.0.0.1" }),
  ]);
});

test("raw pixels say their format, width and height", async () => {
  const { post, pushed } = await serve();
  const raw = { headers: { "content-type": "application/octet-stream" } };
  const good = await post("/cameras/gate/frames?format=gray8&width=20&height=5", raw);
  expect(good.status).toBe(200);
  expect(pushed[0]?.picture).toMatchObject({ encoding: "raw", format: "gray8", width: 20, height: 5 });
  const torn = await post("/cameras/gate/frames?format=rgb24&width=20&height=5", raw);
  expect(torn.status).toBe(400);
  expect(await torn.json()).toEqual({
    error: {
      code: "ERR_FRAME_INVALID",
      message: "20×5 rgb24 is 300 bytes without padding, not 100",
      hint: expect.stringContaining("docs/http.md"),
    },
  });
});

test.each<[string, string, RequestInit, number, string]>([
  ["an unknown camera", "/cameras/nope/frames", {}, 404, "ERR_HTTP_NOT_FOUND"],
  ["a camera that objects inherit", "/cameras/constructor/frames", {}, 404, "ERR_HTTP_NOT_FOUND"],
  ["an unknown route", "/frames", {}, 404, "ERR_HTTP_NOT_FOUND"],
  [
    "a body of a wrong type",
    "/cameras/gate/frames",
    { headers: { "content-type": "text/plain" } },
    415,
    "ERR_HTTP_BODY_TYPE",
  ],
  [
    "a body that is too large",
    "/cameras/gate/frames",
    { body: new Uint8Array(2_001) },
    413,
    "ERR_HTTP_BODY_SIZE",
  ],
  ["no bytes", "/cameras/gate/frames", { body: new Uint8Array() }, 400, "ERR_IMAGE_EMPTY"],
  ["a time that is none", "/cameras/gate/frames?ts_ms=soon", {}, 400, "ERR_FRAME_INVALID"],
  [
    "a page of another origin",
    "/cameras/gate/frames",
    { headers: { origin: "http://evil.example" } },
    401,
    "ERR_HTTP_DENIED",
  ],
])("%s is refused, with code and hint", async (_, path, init, status, code) => {
  const { post, pushed } = await serve();
  const answer = await post(path, init);
  expect(answer.status).toBe(status);
  expect(await answer.json()).toEqual({
    error: { code, message: expect.any(String), hint: expect.stringMatching(/.{15}/) },
  });
  expect(pushed).toEqual([]);
});

test("a body that says it is too large is refused before any of it is sent", async () => {
  const { pushed, url } = await serve();
  const headers = { "content-type": "image/jpeg", "content-length": 1e12, expect: "100-continue" };
  const sent = request(`${url}/cameras/gate/frames`, { method: "POST", headers });
  sent.on("error", () => {});
  sent.flushHeaders();
  const [response] = await once(sent, "response");
  expect(response.statusCode).toBe(413);
  sent.destroy();
  expect(pushed).toEqual([]);
});

test("a body without a length is cut off at the limit", async () => {
  const { pushed, url } = await serve();
  const sent = request(`${url}/cameras/gate/frames`, {
    method: "POST",
    headers: { "content-type": "image/jpeg" },
  });
  sent.on("error", () => {});
  sent.write(new Uint8Array(1_500));
  sent.write(new Uint8Array(1_500));
  const [response] = await once(sent, "response");
  expect(response.statusCode).toBe(413);
  sent.destroy();
  expect(pushed).toEqual([]);
});

test("a sender that goes away in the middle of a picture leaves nothing behind", async () => {
  const { post, pushed, server } = await serve();
  const [host = "", port = ""] = server.address?.split(":") ?? [];
  for (let n = 0; n < 20; n++) {
    const socket = connect(Number(port), host);
    await once(socket, "connect");
    const head = "POST /cameras/gate/frames HTTP/1.1\r\nhost: localhost\r\ncontent-type: image/jpeg\r\n";
    await new Promise((resolve) => socket.write(`${head}content-length: 1000\r\n\r\nhalf`, resolve));
    const closed = once(socket, "close");
    socket.destroy();
    await closed;
  }
  // More than may be received at a time have left: their places are free again once the server saw them go.
  await expect.poll(async () => (await post("/cameras/gate/frames")).status).toBe(200);
  expect(pushed).toHaveLength(1);
});

test("with a token only its holder is let in, but anyone may ask whether the device lives", async () => {
  const { post, url } = await serve({ token: "s3cret" });
  const status = async (authorization?: string) =>
    (await post("/cameras/gate/frames", { headers: authorization ? { authorization } : {} })).status;
  expect(await status()).toBe(401);
  expect(await status("Bearer s3cre")).toBe(401);
  expect(await status("Basic s3cret")).toBe(401);
  expect(await status("Bearer s3cret")).toBe(200);
  expect(await (await fetch(`${url}/health`)).json()).toEqual({ uptime_s: 1 });
});

test("without a token no foreign name leads here", async () => {
  const { server } = await serve();
  const [host, port] = server.address?.split(":") ?? [];
  const sent = request({
    host,
    port,
    path: "/cameras/gate/frames",
    method: "POST",
    headers: { host: "evil.example" },
  });
  sent.end();
  const [response] = await once(sent, "response");
  expect(response.statusCode).toBe(401);
  response.resume();
});

test("a frame without a result is answered 503 and says why", async () => {
  const error = new SightlineError("ERR_QUEUE_FULL", "dropped");
  const { post } = await serve({}, async () => [
    { pipeline: "top", results: [{ verdict: "pass" }] },
    { pipeline: "side", error },
  ]);
  const answer = await post("/cameras/gate/frames");
  expect(answer.status).toBe(503);
  expect(await answer.json()).toEqual({
    results: [{ verdict: "pass" }, { pipeline: "side", verdict: "error", error: error.toRecord() }],
  });
});

test("a camera that takes none now says so", async () => {
  const { post } = await serve({}, () => Promise.reject(new SightlineError("ERR_CAMERA_CLOSED", "stopping")));
  const answer = await post("/cameras/gate/frames");
  expect(answer.status).toBe(503);
  expect(await answer.json()).toMatchObject({ error: { code: "ERR_CAMERA_CLOSED" } });
});

test("a defect of ours is a 500 that keeps its text to itself", async () => {
  const { post } = await serve({}, () => Promise.reject(new TypeError("inner secret")));
  const answer = await post("/cameras/gate/frames");
  expect(answer.status).toBe(500);
  expect(await answer.text()).not.toContain("inner secret");
});

test("a port that is taken is an error with its address", async () => {
  const { server } = await serve();
  const port = Number(server.address?.split(":")[1]);
  const error = await serve({ port }).catch((e) => e);
  expect(error).toMatchObject({
    code: "ERR_HTTP_LISTEN",
    message: expect.stringContaining(`127.0.0.1:${port}`),
  });
});

test("stopping answers what is under way for a moment, closes the rest and may be done twice", async () => {
  let pushedOne = () => {};
  const pushed = new Promise<void>((resolve) => {
    pushedOne = resolve;
  });
  const { post, server } = await serve({}, () => {
    pushedOne();
    return new Promise(() => {});
  });
  const vain = post("/cameras/gate/frames").catch(() => "closed");
  await pushed;
  await server.stop();
  await server.stop();
  expect(await vain).toBe("closed");
});
