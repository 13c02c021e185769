import type { NodeProto, TensorProto } from "../../models/onnx/proto/onnx_pb.js";
import { DataType, floatTensor, int64Tensor, tensor } from "../../models/onnx/tensor.ts";
import { SightlineError } from "../../runtime/base/errors.ts";
import { floatToHalf } from "./half.ts";
import type { TensorHints } from "./hints.ts";

/** What is new in the whole model. */
export interface Additions {
  names: Set<string>;
  initializers: TensorProto[];
}

/** What an adapter may know and add around the node that it rewrites. */
export class Scope {
  readonly #additions: Additions;
  readonly #hints: TensorHints;
  readonly #nodes: NodeProto[];
  readonly #step: { from: number; to: number };
  #after: NodeProto[] = [];

  /** New nodes go to `nodes`; `step` is for messages. */
  constructor(
    additions: Additions,
    hints: TensorHints,
    options: { nodes: NodeProto[]; step: { from: number; to: number } },
  ) {
    this.#additions = additions;
    this.#hints = hints;
    this.#nodes = options.nodes;
    this.#step = options.step;
  }

  constantOf(name: string | undefined): TensorProto | undefined {
    return this.#hints.constantOf(name);
  }

  rankOf(name: string | undefined): number | undefined {
    return this.#hints.rankOf(name);
  }

  isRead(name: string | undefined): boolean {
    return name !== undefined && this.#hints.isRead(name);
  }

  uniqueName(hint: string): string {
    const { names } = this.#additions;
    let name = hint;
    for (let i = 2; names.has(name); i++) name = `${hint}_${i}`;
    names.add(name);
    return name;
  }

  /** Adds an initializer, under a name that is free; gives the name. */
  add(constant: TensorProto): string {
    constant.name = this.uniqueName(constant.name);
    this.#additions.initializers.push(constant);
    this.#hints.addConstant(constant);
    return constant.name;
  }

  addInts(name: string, values: readonly number[]): string {
    return this.add(int64Tensor(name, values));
  }

  /** Adds a scalar of the type that `like` has. */
  scalarLike(like: string | undefined, value: number, name: string): string {
    const type = this.#hints.typeOf(like) ?? DataType.FLOAT;
    if (type === DataType.FLOAT16)
      return this.add(tensor(name, type, [], Uint16Array.of(floatToHalf(value))));
    if (type === DataType.DOUBLE) return this.add(tensor(name, type, [], Float64Array.of(value)));
    return this.add(floatTensor(name, [], Float32Array.of(value)));
  }

  before(...nodes: NodeProto[]): void {
    this.#nodes.push(...nodes);
  }

  after(...nodes: NodeProto[]): void {
    this.#after.push(...nodes);
  }

  /** Puts the rewritten node, and what comes after it, in its place. */
  finish(node: NodeProto): void {
    this.#nodes.push(node, ...this.#after);
    this.#after = [];
  }

  refuse(node: NodeProto, why: string): never {
    const { from, to } = this.#step;
    const what = `${node.opType} "${node.name || node.output[0]}"`;
    throw new SightlineError(
      "ERR_ONNX_OPSET",
      `${what} of opset ${from} cannot be converted to opset ${to}: ${why}`,
    );
  }
}
