import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { beforeAll, describe, expect, it } from "vitest";
import { makeAttribute } from "../../models/onnx/attributes.ts";
import { copyModel } from "../../models/onnx/copy-model.ts";
import { flowOf } from "../../models/onnx/flow.ts";
import { Graph, makeNode } from "../../models/onnx/graph.ts";
import {
  AttributeProtoSchema,
  GraphProtoSchema,
  type ModelProto,
  type NodeProto,
  StringStringEntryProtoSchema,
  TensorProto_DataLocation,
} from "../../models/onnx/proto/onnx_pb.js";
import { parseModel, readModel } from "../../models/onnx/read-model.ts";
import { encodeModel } from "../../models/onnx/write-model.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { inspectModel } from "../../toolchain/split/inspect.ts";
import { ONNX_FILES, withoutWeights } from "../support/onnx-models.ts";
import { tempFolder } from "../support/temp-folder.ts";
import { randomFrom } from "./random.ts";

/** For each of two seeds; `ROUNDS=50000 npx vitest run test/fuzz/onnx-models.test.ts` looks longer. */
const ROUNDS = Number(process.env.ROUNDS ?? 1000);

const PATIENCE_MS = 300_000 + 50 * ROUNDS;

/** Of one model, in processor time: others may use the machine. */
const SLOWEST_MS = 1000;

let seeds: { model: ModelProto; bytes: Uint8Array }[];
beforeAll(async () => {
  const models = await Promise.all(Object.values(ONNX_FILES).map(readModel));
  const slim = models.map((model) => withoutWeights(model, 64));
  seeds = slim.map((model) => ({ model, bytes: encodeModel(model) }));
  seeds.sort((a, b) => a.bytes.length - b.bytes.length);
});

describe("any bytes are either a model or an error of ours", () => {
  it.each([1, Math.floor(Math.random() * 2 ** 32)])(
    `${ROUNDS} changed models, seed %d`,
    (seed) => {
      const random = randomFrom(seed);
      const seen = { sound: 0, refused: new Map<string, number>() };
      for (let round = 0; round < ROUNDS; round++) {
        const bytes = random() < 0.8 ? changedBytes(random) : encodeModel(changedModel(random));
        const outcome = judge(bytes, `seed ${seed}, round ${round}`);
        if (outcome === "sound") seen.sound++;
        else seen.refused.set(outcome, (seen.refused.get(outcome) ?? 0) + 1);
      }
      const codes = [
        "ERR_ONNX_FILE",
        "ERR_ONNX_GRAPH",
        "ERR_ONNX_TENSOR",
        "ERR_ONNX_OPSET",
        "ERR_ONNX_EXTERNAL",
      ];
      expect([...seen.refused.keys()].toSorted()).toEqual(codes.toSorted());
      expect(seen.sound).toBeGreaterThan(ROUNDS / 20);
    },
    PATIENCE_MS,
  );

  it.each([20, 1000, 20_000])("a graph in a graph, %d deep", (depth) => {
    const outcome = judge(nested(depth), `depth ${depth}`);
    expect(outcome).toBe(depth > 20 ? "ERR_ONNX_FILE" : "ERR_ONNX_GRAPH");
  });

  it(
    "reads files with hostile places of weights, seed 7",
    async () => {
      const random = randomFrom(7);
      const folder = await tempFolder();
      const path = join(folder, "m.onnx");
      await writeFile(join(folder, "weights"), new Uint8Array(100));
      for (let round = 0; round < ROUNDS / 20; round++) {
        const model = copyModel(anySeed(random).model);
        for (let left = 1 + random() * 3; left > 0; left--) putOutside(model, random);
        await writeFile(path, encodeModel(model));
        await readModel(path).catch((error) => mustBeOurs(error, `round ${round}`));
      }
    },
    PATIENCE_MS,
  );
});

function judge(bytes: Uint8Array, where: string): string {
  const before = process.cpuUsage();
  let outcome = "sound";
  try {
    const model = parseModel(bytes);
    inspectModel(model);
    flowOf(new Graph(model));
  } catch (error) {
    outcome = mustBeOurs(error, where);
  }
  const { user } = process.cpuUsage(before);
  if (user / 1000 > SLOWEST_MS) throw new Error(`${where}: ${user / 1000} ms, ${outcome}`);
  return outcome;
}

function mustBeOurs(error: unknown, where: string): string {
  if (!(error instanceof SightlineError)) throw new Error(where, { cause: error });
  // Not even ours may be what ran out of stack or memory.
  if (error.cause instanceof RangeError && /stack|memory|allocation/i.test(error.cause.message)) {
    throw new Error(where, { cause: error });
  }
  expect(error.message.length, where).toBeLessThan(2000);
  return error.code;
}

const OPSET_17 = Uint8Array.of(0x42, 2, 0x10, 17);

/** Model, graph, node, attribute, graph, node, … by their fields' numbers in onnx.proto; encoders stop much earlier. */
function nested(depth: number): Uint8Array {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  const wrap = (field: number): void => {
    const head = [(field << 3) | 2];
    for (let left = bytes; ; left >>>= 7) {
      head.push(left > 127 ? (left & 127) | 128 : left);
      if (left <= 127) break;
    }
    parts.push(Uint8Array.from(head));
    bytes += head.length;
  };
  for (let level = 0; level < depth; level++) for (const field of [6, 5, 1]) wrap(field);
  wrap(7);
  return Buffer.concat([OPSET_17, ...parts.toReversed()]);
}

type Random = () => number;

const pick = <T>(list: readonly T[], random: Random): T => list[Math.floor(random() * list.length)] as T;

/** Small ones more often: as much is found in more rounds. */
const anySeed = (random: Random) => pick(seeds, () => random() ** 3);

/** Bits flipped, ends cut off, pieces of other models put in or over, and lengths and numbers made long. */
function changedBytes(random: Random): Uint8Array {
  let bytes = Buffer.from(anySeed(random).bytes);
  for (let left = 1 + Math.floor(random() * 3); left > 0; left--) {
    const at = Math.floor(random() * bytes.length);
    const other = anySeed(random).bytes;
    const from = Math.floor(random() * other.length);
    const piece = other.subarray(from, from + Math.floor(random() ** 3 * 400));
    const varint = pick(
      [[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f], [0x80], [0x7f], [0xff, 0x01], [0]],
      random,
    );
    const kind = Math.floor(random() * 6);
    if (kind === 0) for (let i = 0; i < 4; i++) flip(bytes, random);
    else if (kind === 1) bytes = bytes.subarray(0, at);
    else if (kind === 2) bytes = Buffer.concat([bytes.subarray(0, at), piece, bytes.subarray(at)]);
    else if (kind === 3) bytes.set(piece.subarray(0, bytes.length - at), at);
    else if (kind === 4) bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + piece.length)]);
    else bytes = Buffer.concat([bytes.subarray(0, at), Uint8Array.from(varint), bytes.subarray(at + 1)]);
    if (bytes.length === 0) return bytes;
  }
  return bytes;
}

function flip(bytes: Uint8Array, random: Random): void {
  const at = Math.floor(random() * bytes.length);
  bytes[at] = (bytes[at] ?? 0) ^ (1 << Math.floor(random() * 8));
}

/** What no exporter writes, but valid protobuf says. */
function changedModel(random: Random): ModelProto {
  const model = copyModel(anySeed(random).model);
  for (let left = 1 + Math.floor(random() * 3); left > 0; left--) pick(CHANGES, random)(model, random);
  return model;
}

const DIMS = [0n, 1n, -1n, 2n ** 31n, 2n ** 53n, 2n ** 62n, -(2n ** 63n)];

const CHANGES: readonly ((model: ModelProto, random: Random) => void)[] = [
  putOutside,
  (model, random) => {
    const tensor = pick(model.graph?.initializer ?? [], random);
    if (tensor) tensor.dims = Array.from({ length: 1 + random() * 5 }, () => pick(DIMS, random));
  },
  (model, random) => {
    const tensor = pick(model.graph?.initializer ?? [], random);
    if (tensor) tensor.dims = new Array(Math.floor(random() ** 8 * 20_000)).fill(pick(DIMS, random));
  },
  (model, random) => {
    const tensor = pick(model.graph?.initializer ?? [], random);
    if (tensor) tensor.dataType = Math.floor(random() * 40) - 2;
  },
  // Reads a tensor that may be made later, by itself even.
  (model, random) => {
    const node = anyNode(model, random);
    const other = anyNode(model, random);
    if (node) node.input[Math.floor(random() * 3)] = other?.output[0] ?? "";
  },
  (model, random) => {
    const node = anyNode(model, random);
    if (node) node.output[0] = anyNode(model, random)?.output[0] ?? "";
  },
  (model, random) => {
    const node = anyNode(model, random);
    if (node) node.opType = anyNode(model, random)?.opType ?? "";
  },
  (model, random) => {
    const node = anyNode(model, random);
    if (node) node.attribute = anyNode(model, random)?.attribute ?? [];
  },
  (model, random) => {
    const opset = pick(model.opsetImport, random);
    if (opset) opset.version = pick([0n, 1n, 21n, 2n ** 62n, -1n], random);
  },
  // An If within an If, to the depth that a parser has or has not.
  (model, random) => {
    const name = model.graph?.output[0]?.name ?? "";
    let inner = makeNode("Identity", { name: "i", inputs: [name], outputs: ["i"] });
    for (let depth = random() ** 4 * 200; depth > 0; depth--) inner = around(inner);
    inner.output = ["nested"];
    model.graph?.node.push(inner);
  },
  (model, random) => {
    const chain = Array.from({ length: random() ** 6 * 20_000 }, (_, i) =>
      makeNode("Neg", { name: "", inputs: [`c${i + 1}`], outputs: [`c${i}`] }),
    );
    model.graph?.node.push(...chain);
  },
];

const anyNode = (model: ModelProto, random: Random): NodeProto | undefined =>
  pick(model.graph?.node ?? [], random);

function around(node: NodeProto): NodeProto {
  const g = create(GraphProtoSchema, { name: "g", node: [node] });
  const branch = Object.assign(create(AttributeProtoSchema, makeAttribute("then_branch", 0)), { g });
  return Object.assign(makeNode("If", { name: "", inputs: [], outputs: ["x"] }), { attribute: [branch] });
}

const LOCATIONS = [
  "",
  "weights",
  "../weights",
  "/etc/passwd",
  "a/../../b",
  ".",
  "\0",
  "w".repeat(5000),
  "/dev/zero",
  "\\..\\x",
];
const NUMBERS = ["0", "-1", "4096", "1e9", "9007199254740993", "99999999999999999999", "", "0x10", "NaN"];

function putOutside(model: ModelProto, random: Random): void {
  const tensor = pick(model.graph?.initializer ?? [], random);
  if (!tensor) return;
  tensor.dataLocation = TensorProto_DataLocation.EXTERNAL;
  const entry = (key: string, value: string) => create(StringStringEntryProtoSchema, { key, value });
  tensor.externalData = [
    entry("location", pick(LOCATIONS, random)),
    entry("offset", pick(NUMBERS, random)),
    entry(pick(["length", "checksum"], random), pick(NUMBERS, random)),
  ];
}
