import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import { encodeModel } from "../../models/onnx/write-model.ts";
import type { ExecutionProvider, LoadOptions, Session } from "../../runtime/session/execution-provider.ts";
import { floats, type NamedTensors } from "../../runtime/tensor/tensor.ts";
import { boundedSqnrDb, top1Agreement } from "./compare.ts";

/** How far a quantized model's outputs are from those of its float form. */
export interface Agreement {
  /** Mean over outputs and inputs. */
  sqnrDb: number;
  outputs: Readonly<Record<string, OutputAgreement>>;
}

export interface OutputAgreement {
  /** Mean over the inputs; and the worst of them. */
  sqnrDb: number;
  sqnrDbMin: number;
  /** Share of inputs with the same largest value, 0 to 1; of outputs that are a list of scores. */
  top1?: number;
}

/** Float outputs to compare with, made once. */
export class Reference {
  readonly #provider: ExecutionProvider;
  readonly #inputs: readonly NamedTensors[];
  readonly #expected: readonly NamedTensors[];

  private constructor(
    provider: ExecutionProvider,
    inputs: readonly NamedTensors[],
    expected: readonly NamedTensors[],
  ) {
    this.#provider = provider;
    this.#inputs = inputs;
    this.#expected = expected;
  }

  static async of(
    provider: ExecutionProvider,
    model: ModelProto,
    inputs: readonly NamedTensors[],
  ): Promise<Reference> {
    return new Reference(provider, inputs, await runAll(provider, model, inputs));
  }

  /** Errors: ERR_MODEL_LOAD, ERR_SESSION_RUN. */
  async compare(model: ModelProto, options: LoadOptions = {}): Promise<Agreement> {
    const actual = await runAll(this.#provider, model, this.#inputs, options);
    const names = Object.keys(this.#expected[0] ?? {});
    const outputs = Object.fromEntries(names.map((name) => [name, this.#output(name, actual)]));
    return { sqnrDb: mean(Object.values(outputs).map((output) => output.sqnrDb)), outputs };
  }

  #output(name: string, actual: readonly NamedTensors[]): OutputAgreement {
    const pairs = this.#expected.map((expected, i) => [expected[name], actual[i]?.[name]] as const);
    const each = pairs.map(([a, b]) => boundedSqnrDb(floats(a, name), floats(b, name)));
    const agreement = { sqnrDb: mean(each), sqnrDbMin: Math.min(...each) };
    if (!pairs.every(([a]) => isScores(a?.dims ?? []))) return agreement;
    const same = pairs.map(([a, b]) => top1Agreement(floats(a, name), floats(b, name), a?.dims[1] ?? 1));
    return { ...agreement, top1: mean(same) };
  }
}

/** [N, C], perhaps with sides of 1 behind. */
const isScores = ([, classes = 1, ...rest]: readonly number[]): boolean =>
  classes > 1 && rest.every((side) => side === 1);

const mean = (values: readonly number[]): number => values.reduce((sum, v) => sum + v, 0) / values.length;

async function runAll(
  provider: ExecutionProvider,
  model: ModelProto,
  inputs: readonly NamedTensors[],
  options: LoadOptions = {},
): Promise<NamedTensors[]> {
  const session = await provider.load(encodeModel(model), options);
  try {
    return await inSlots(provider.slots, inputs, (feeds, slot) => runOne(session, slot, feeds));
  } finally {
    await session.unload();
  }
}

const runOne = (session: Session, slot: number, feeds: NamedTensors): Promise<NamedTensors> =>
  session.run(slot, feeds);

/** One input at a time on each slot. */
async function inSlots<I, O>(
  slots: number,
  inputs: readonly I[],
  run: (input: I, slot: number) => Promise<O>,
): Promise<O[]> {
  const outputs: O[] = [];
  const queue = inputs.entries();
  const work = async (slot: number): Promise<void> => {
    for (const [i, input] of queue) outputs[i] = await run(input, slot);
  };
  await Promise.all(Array.from({ length: slots }, (_, slot) => work(slot)));
  return outputs;
}
