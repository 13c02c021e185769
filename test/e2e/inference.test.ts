import { expect, test } from "vitest";
import { randomFrom } from "../fuzz/random.ts";
import { config, SightlineProcess, writeConfig } from "../support/daemon-process.ts";
import { freePort, Mosquitto } from "../support/mosquitto.ts";
import { backbone, head, INPUT_DIMS, writeBundle } from "../support/small-bundles.ts";
import { tempFolder } from "../support/temp-folder.ts";

const REQUESTS = Number(process.env.SIGHTLINE_REQUESTS ?? 3_000);

/** A daemon with one model of an input x [1, 3, 64, 64] and an output y [1, 10], besides the shipped detector. */
async function running() {
  const broker = await Mosquitto.start();
  const folder = await tempFolder();
  const port = await freePort();
  const small = await writeBundle(`${folder}/small`, "1.2.0", [backbone(1), head(2)]);
  const base = config(broker.port, folder, {
    http: { listen: `127.0.0.1:${port}` },
    log: { level: "info" },
    models: { small: { bundle: small, preload: false } },
    cameras: {},
    pipelines: {},
  });
  const daemon = new SightlineProcess(["run", "--config", await writeConfig(folder, base)]);
  await daemon.untilOut(/HTTP server is listening/);
  const url = `http://127.0.0.1:${port}/v2`;
  const get = async (path: string) => {
    const answer = await fetch(`${url}${path}`);
    return { status: answer.status, ...((await answer.json()) as Record<string, unknown>) };
  };
  const post = (path: string, body: Buffer | object, headers: Record<string, string> = {}) => {
    const bytes = Buffer.isBuffer(body) ? body : Buffer.from(JSON.stringify(body));
    return fetch(`${url}${path}`, { method: "POST", body: new Uint8Array(bytes), headers });
  };
  return { daemon, get, post };
}

const count = INPUT_DIMS.reduce<number>((product, dim) => product * dim, 1);
const data = Array.from({ length: count }, (_, i) => Math.fround(Math.sin(i)));
const inJson = { name: "x", shape: INPUT_DIMS, datatype: "FP32", data };

test("the Open Inference Protocol: metadata, tensors as JSON and as bytes, the repository, statistics", async () => {
  const { daemon, get, post } = await running();
  expect(await get("")).toMatchObject({
    status: 200,
    name: "sightline",
    extensions: expect.arrayContaining(["binary_tensor_data"]),
  });
  expect(await get("/health/live")).toEqual({ status: 200, live: true });
  expect(await get("/health/ready")).toEqual({ status: 200, live: true, ready: true });
  expect(await get("/models/small")).toEqual({
    status: 200,
    name: "small",
    versions: ["1.2.0"],
    platform: "onnx_onnxv1",
    inputs: [{ name: "x", datatype: "FP32", shape: [...INPUT_DIMS] }],
    outputs: [{ name: "y", datatype: "FP32", shape: [1, 10] }],
  });
  expect(await get("/models/small/versions/1.2.0/ready")).toEqual({
    status: 200,
    name: "small",
    ready: true,
  });
  expect(await get("/models/small/config")).toMatchObject({ backend: "onnxruntime", max_batch_size: 0 });
  expect(daemon.stdout).not.toMatch(/"type":"loaded"/);

  const json = (await (await post("/models/small/infer", { id: "q", inputs: [inJson] })).json()) as {
    outputs: { data: number[] }[];
  };
  expect(json).toMatchObject({ model_name: "small", model_version: "1.2.0", id: "q" });
  await daemon.untilOut(/"type":"loaded"/);
  const text = Buffer.from(
    JSON.stringify({
      inputs: [{ ...inJson, data: undefined, parameters: { binary_data_size: 4 * count } }],
      outputs: [{ name: "y", parameters: { binary_data: true } }],
    }),
  );
  const bytes = Buffer.from(Float32Array.from(data).buffer);
  const header = { "Inference-Header-Content-Length": String(text.length) };
  const binary = await post("/models/small/versions/1.2.0/infer", Buffer.concat([text, bytes]), header);
  const length = Number(binary.headers.get("inference-header-content-length"));
  const tail = Buffer.from(await binary.arrayBuffer()).subarray(length);
  const raw = await post("/models/small/infer", bytes, { "Inference-Header-Content-Length": "0" });
  const rawLength = Number(raw.headers.get("inference-header-content-length"));
  expect(Buffer.from(await raw.arrayBuffer()).subarray(rawLength)).toEqual(tail);
  const values = new Float32Array(new Uint8Array(tail).buffer);
  expect(values).toHaveLength(10);
  expect(Array.from(values)).toEqual(json.outputs[0]?.data);

  const stats = (await get("/models/small/stats")) as { model_stats?: { inference_count: number }[] };
  const three = { count: 3, ns: expect.toSatisfy((ns: number) => ns > 0) };
  expect(stats.model_stats).toMatchObject([
    {
      ...{ name: "small", version: "1.2.0", inference_count: 3, execution_count: 3 },
      inference_stats: { compute_input: three, compute_infer: three, compute_output: three },
    },
  ]);
  expect((await post("/repository/models/small/unload", {})).status).toBe(200);
  expect((await post("/repository/models/small/load", {})).status).toBe(200);
  // Four of the largest bodies may be under way; these are more, one after the other.
  for (let i = 0; i < 5; i++) {
    const padded = Buffer.from(JSON.stringify({ padding: " ".repeat(30 * 2 ** 20) }));
    expect((await post("/repository/index", padded)).status).toBe(200);
  }
  expect(await (await post("/repository/index", {})).json()).toEqual([
    { name: "small", version: "1.2.0", state: "READY", reason: "" },
  ]);

  expect(await get("/models/none")).toMatchObject({
    status: 404,
    error: expect.stringContaining("ERR_MODEL_UNKNOWN"),
  });
  expect(await get("/models/small/versions/9/ready")).toMatchObject({ status: 404 });
  expect((await post("/models/small/versions/9/infer", { inputs: [inJson] })).status).toBe(404);
  const wrong = await post("/models/small/infer", { inputs: [{ ...inJson, datatype: "FP64" }] });
  expect(wrong.status).toBe(400);
  expect(await wrong.json()).toEqual({ error: expect.stringContaining("FP32") });
  daemon.signal("SIGTERM");
  expect((await daemon.ended).code).toBe(0);
});

const seeds = [1, Math.floor(Math.random() * 2 ** 32)];

test.each(seeds)(
  "malformed requests all get a 4xx, and the daemon goes on, seed %d",
  { timeout: 900_000 },
  async (seed) => {
    const random = randomFrom(seed);
    const { daemon, get, post } = await running();
    const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)] as T;
    const good = JSON.stringify({
      inputs: [{ name: "x", shape: [...INPUT_DIMS], datatype: "FP32", data: [1, 2] }],
    });
    const broken = (): Buffer => {
      const bytes = Buffer.from(good);
      for (let n = 0; n < 1 + random() * 4; n++)
        bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256);
      return random() < 0.3 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes;
    };
    const statuses = new Map<number, number>();
    const lengths = ["", "0", "1", "17", "-1", "1e3", "99999999999", "abc"];
    const one = async () => {
      const length = pick(lengths);
      const headers: Record<string, string> =
        length === "" ? {} : { "Inference-Header-Content-Length": length };
      const { status } = await post(pick(["/models/small/infer", "/models/none/infer"]), broken(), headers);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
    };
    for (let n = 0; n < REQUESTS; n += 20) await Promise.all(Array.from({ length: 20 }, one));
    expect([...statuses.keys()].filter((status) => status < 400 || status >= 500)).toEqual([]);
    expect(await get("/health/ready")).toMatchObject({ status: 200 });
    expect((await post("/models/small/infer", { inputs: [inJson] })).status).toBe(200);
    daemon.signal("SIGTERM");
    expect((await daemon.ended).code).toBe(0);
  },
);

const ZOO = new URL("../../models/zoo/pcb-aoi", import.meta.url).pathname;

test("requests that wait run together where the model and its configuration allow it", async () => {
  const broker = await Mosquitto.start();
  const folder = await tempFolder();
  const port = await freePort();
  const base = config(broker.port, folder, {
    http: { listen: `127.0.0.1:${port}` },
    log: { level: "info" },
    models: { boards: { bundle: ZOO, max_batch: 4, instances: 1, queue: { size: 16 } } },
    cameras: {},
    pipelines: {},
  });
  const daemon = new SightlineProcess(["run", "--config", await writeConfig(folder, base)]);
  await daemon.untilOut(/HTTP server is listening/);
  const url = `http://127.0.0.1:${port}/v2/models/boards`;
  expect(await (await fetch(`${url}/config`)).json()).toMatchObject({
    max_batch_size: 4,
    input: [{ name: "image", dims: [1, 640, 640] }],
  });
  const body = (value: number) => new Uint8Array(new Float32Array(640 * 640).fill(value).buffer);
  const infer = async (value: number) => {
    const headers = { "Inference-Header-Content-Length": "0" };
    const answer = await fetch(`${url}/infer`, { method: "POST", body: body(value), headers });
    expect(answer.status).toBe(200);
    const length = Number(answer.headers.get("inference-header-content-length"));
    return new Float32Array(new Uint8Array(await answer.arrayBuffer()).slice(length).buffer);
  };
  const values = [0, 0.5, 1, 0, 0.5, 1, 0, 0.5, 1];
  const together = await Promise.all(values.map(infer));
  const { model_stats } = (await (await fetch(`${url}/stats`)).json()) as {
    model_stats: { inference_count: number; execution_count: number }[];
  };
  expect(model_stats[0]?.inference_count).toBe(values.length);
  expect(model_stats[0]?.execution_count).toBeLessThan(values.length);
  for (const [i, value] of [0, 0.5, 1].entries()) {
    const alone = await infer(value);
    for (const each of [i, i + 3, i + 6]) {
      const off = Array.from(together[each] ?? [], (v, k) => Math.abs(v - (alone[k] ?? Number.NaN)));
      expect(off).toHaveLength(alone.length);
      expect(off.every((each) => each < 1e-3)).toBe(true);
    }
  }
  daemon.signal("SIGTERM");
  expect((await daemon.ended).code).toBe(0);
});
