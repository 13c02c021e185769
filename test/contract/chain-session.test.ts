import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseModel, readModel } from "../../models/onnx/read-model.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import { ChainSession, loadChain } from "../../runtime/session/chain-session.ts";
import type { Session } from "../../runtime/session/execution-provider.ts";
import { ARRAY_OF, elementCount, type NamedTensors } from "../../runtime/tensor/tensor.ts";
import { splitModel } from "../../toolchain/split/split.ts";
import { bytesOf, MODELS, randomFeeds, startProvider } from "../support/models.ts";
import { node, smallModel } from "../unit/onnx/small-model.ts";

const code = (wanted: string) => expect.objectContaining({ name: "SightlineError", code: wanted });
const provider = startProvider(2);
afterAll(() => provider.close());

let whole: Session;
let chain: Session;
let feeds: NamedTensors;
let stages: Uint8Array[];
beforeAll(async () => {
  const model = await readModel(MODELS.mobilenetV1);
  whole = await provider.load(MODELS.mobilenetV1);
  feeds = randomFeeds(whole.inputs, 3);
  const split = await splitModel(provider, model, { feeds: [feeds], plan: { stages: 4 } });
  stages = split.stages.map((stage) => encodeModel(stage.model));
  chain = await loadChain(provider, stages);
});
afterAll(() => Promise.all([whole.unload(), chain.unload()]));

const hex = (tensors: NamedTensors) =>
  Object.fromEntries(
    Object.entries(tensors).map(([name, tensor]) => [name, bytesOf(tensor).toString("hex")]),
  );

describe("a chain of stages is a session like that of the whole", () => {
  it("has its inputs and outputs, and gives the same on every slot", async () => {
    const names = (session: Session) => session.outputs.map(({ name }) => name).toSorted();
    expect(chain.inputs).toEqual(whole.inputs);
    expect(names(chain)).toEqual(names(whole));
    const wanted = hex(await whole.run(0, feeds));
    const runs = [0, 1, 1, 0].map((slot) => chain.run(slot, feeds));
    for (const made of await Promise.all(runs)) expect(hex(made)).toEqual(wanted);
  });

  it("writes in place what it is given room for, in whichever stage it is made", async () => {
    const wanted = await whole.run(0, feeds);
    const outputs = Object.fromEntries(
      Object.entries(wanted).map(([name, { dims, dtype }]) => [
        name,
        { dims, dtype, data: new ARRAY_OF[dtype](elementCount(dims)) },
      ]),
    );
    const made = await chain.run(0, feeds, { outputs });
    for (const name of Object.keys(wanted)) expect(made[name]).toBe(outputs[name]);
    expect(hex(outputs)).toEqual(hex(wanted));
  });

  it("refuses what does not fit before any stage runs", async () => {
    await expect(chain.run(0, {})).rejects.toEqual(code("ERR_MODEL_IO"));
    const wrong = { ...feeds, other: { dtype: "float32", dims: [1], data: new Float32Array(1) } } as const;
    await expect(chain.run(0, wrong)).rejects.toEqual(code("ERR_MODEL_IO"));
    await expect(chain.run(0, feeds, { outputs: { n0_o: wrong.other } })).rejects.toEqual(
      code("ERR_MODEL_IO"),
    );
  });

  it("ends at its time limit, which is that of all stages together", async () => {
    const late = chain.run(0, feeds, { timeLimitMs: 0.01 });
    await expect(late).rejects.toThrow(
      expect.objectContaining({ code: "ERR_SESSION_TIMEOUT", message: "the run took longer than 0.01 ms" }),
    );
    await expect(chain.run(0, feeds, { timeLimitMs: 60_000 })).resolves.toBeDefined();
  });

  it("ends when its caller says so", async () => {
    await expect(chain.run(0, feeds, { signal: AbortSignal.abort() })).rejects.toEqual(
      code("ERR_SESSION_CANCELLED"),
    );
    const abort = new AbortController();
    const running = chain.run(0, feeds, { signal: abort.signal });
    abort.abort();
    await expect(running).rejects.toEqual(code("ERR_SESSION_CANCELLED"));
  });

  it("lets a run under way end before it unloads, and takes no more", async () => {
    const own = await loadChain(provider, stages);
    const running = own.run(0, feeds);
    const gone = own.unload();
    await expect(own.run(0, feeds)).rejects.toEqual(code("ERR_SESSION_CLOSED"));
    await expect(running).resolves.toBeDefined();
    await gone;
    await own.unload();
  });

  it("unloads the stages that were loaded when one cannot be", async () => {
    const loading = loadChain(provider, [...stages.slice(0, 2), Uint8Array.of(1)]);
    await expect(loading).rejects.toEqual(code("ERR_MODEL_LOAD"));
  });
});

it("gives an output that a later stage takes only to those who ask for it", async () => {
  const small = (from: string, to: string) =>
    encodeModel(
      parseModel(
        encodeModel(smallModel({ nodes: [node("Neg", [from], to)], inputs: [from], outputs: [to] })),
      ),
    );
  const load = async () => [await provider.load(small("x", "a")), await provider.load(small("a", "y"))];
  const x = { dtype: "float32", dims: [2], data: Float32Array.of(1, -2) } as const;
  const plain = new ChainSession(await load());
  const asked = new ChainSession(await load(), ["a"]);
  expect(Object.keys(await plain.run(0, { x }))).toEqual(["y"]);
  const made = await asked.run(0, { x });
  expect(Array.from(made.a?.data as Float32Array)).toEqual([-1, 2]);
  expect(Array.from(made.y?.data as Float32Array)).toEqual([1, -2]);
  await Promise.all([plain.unload(), asked.unload()]);
});
