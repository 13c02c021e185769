import { Readable } from "node:stream";
import { expect, test } from "vitest";
import { BodyBuffers, readBody } from "../../../services/http/oip/body-buffers.ts";

const chunks = (...texts: string[]) =>
  Readable.from(texts.map((text) => Buffer.from(new TextEncoder().encode(text).buffer)));
const max = 1_000;

test("what was given back is taken again, and what is taken is nobody else's", () => {
  const buffers = new BodyBuffers(1_000_000);
  const [a, b] = [buffers.take(10), buffers.take(10)];
  expect(a.bytes.buffer).not.toBe(b.bytes.buffer);
  a.release();
  a.release();
  const [c, d] = [buffers.take(20), buffers.take(20)];
  expect(c.bytes.buffer).toBe(a.bytes.buffer);
  expect(d.bytes.buffer).not.toBe(a.bytes.buffer);
});

test.each([0, 1, 63, 64, 200])("what follows %d bytes lies at a multiple of 64", (alignAt) => {
  const { bytes } = new BodyBuffers(1_000_000).take(500, alignAt);
  expect(bytes).toHaveLength(500);
  expect((bytes.byteOffset + alignAt) % 64).toBe(0);
});

test.each([
  ["known", 600],
  ["unknown", undefined],
])("requests under way have so many bytes together, with their length %s", async (_, length) => {
  const buffers = new BodyBuffers(1_000);
  const read = () => readBody(chunks("x".repeat(600)), buffers, { length, alignAt: 0, max });
  const first = await read();
  await expect(read()).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
  await expect(read()).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
  first.release();
  first.release();
  const second = await read();
  await expect(read()).rejects.toMatchObject({ code: "ERR_QUEUE_FULL" });
  second.release();
  (await read()).release();
});

test("no more than 32 MiB are kept, and what goes is freed at once", () => {
  const buffers = new BodyBuffers(1_000_000);
  const taken = Array.from({ length: 5 }, () => buffers.take(10 * 2 ** 20));
  for (const { release } of taken) release();
  expect(taken.map(({ bytes }) => bytes.buffer.byteLength > 0)).toEqual([false, false, true, true, true]);
});

test("a body is read as it comes, with its length known or not", async () => {
  const buffers = new BodyBuffers(1_000_000);
  for (const length of [10, undefined]) {
    const body = await readBody(chunks("01234", "56789"), buffers, { length, alignAt: 0, max });
    expect(body.bytes.toString()).toBe("0123456789");
    body.release();
  }
});

test("one that is too large, too short or too long is refused, and its memory given back", async () => {
  const buffers = new BodyBuffers(1_000_000);
  const kept = buffers.take(10);
  kept.release();
  const read = (length: number | undefined, most = max) =>
    readBody(chunks("01234", "56789"), buffers, { length, alignAt: 0, max: most });
  await expect(read(2_000)).rejects.toMatchObject({ code: "ERR_HTTP_BODY_SIZE" });
  const endless = chunks("01234", "56789");
  const refused = readBody(endless, buffers, { length: undefined, alignAt: 0, max: 9 });
  await expect(refused).rejects.toMatchObject({ code: "ERR_HTTP_BODY_SIZE" });
  expect(endless.destroyed).toBe(false);
  await expect(read(undefined, 9)).rejects.toMatchObject({ code: "ERR_HTTP_BODY_SIZE" });
  await expect(read(11)).rejects.toMatchObject({ code: "ERR_HTTP_REQUEST" });
  await expect(read(9)).rejects.toMatchObject({ code: "ERR_HTTP_REQUEST" });
  expect(buffers.take(10).bytes.buffer).toBe(kept.bytes.buffer);
});
