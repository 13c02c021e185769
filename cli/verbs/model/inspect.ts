import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import { type ErrorRecord, SightlineError } from "../../../runtime/base/errors.ts";
import { formatBytes } from "../../../runtime/base/units.ts";
import { type InputShapes, randomFeeds } from "../../../runtime/tensor/random-feeds.ts";
import { weightBytesBefore } from "../../../toolchain/split/costs.ts";
import { inputSpecs } from "../../../toolchain/split/input-specs.ts";
import { type Inspection, inspectModel, type Signature } from "../../../toolchain/split/inspect.ts";
import { type Layer, layersOf } from "../../../toolchain/split/layers.ts";
import type { Cut } from "../../../toolchain/split/liveness.ts";
import { measureModel } from "../../../toolchain/split/measure.ts";
import { table } from "../../table.ts";
import { type CommandContext, parseVerbArgs, requirePositionals, type Verb } from "../../verb.ts";
import { readWholeModel, SHAPE_OPTION, SHAPE_USAGE, VARIANT_OPTION, withProvider } from "./whole-model.ts";

/** Exit code 1 if the model is valid but does not run. */
export const inspect: Verb = {
  name: "inspect",
  summary: "show a model's operators, what can be quantized and where it can be split",
  usage: `model inspect MODEL [--json] [--variant NAME] ${SHAPE_USAGE}`,
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(inspect, args, {
      ...SHAPE_OPTION,
      ...VARIANT_OPTION,
      json: { type: "boolean", default: false },
    });
    const [file = ""] = requirePositionals(inspect, ["MODEL"], positionals);
    const { model, name, shapes } = await readWholeModel({ file, ...values }, context);
    const found = inspectModel(model);
    const ran = await withRun(model, shapes);
    if (values.json) context.out(JSON.stringify({ name, ...found, ...ran }));
    else {
      printFile(context, name, found);
      printRun(context, ran);
    }
    return ran.error ? 1 : 0;
  },
};

interface Run {
  macs: number;
  layers: Layer[];
  cuts: CutPoint[];
  error?: ErrorRecord;
}

interface CutPoint extends Cut {
  /** Number of operators, and bytes of weights, before the cut. */
  steps: number;
  weightBytes: number;
}

/** A model that cannot be run can still be inspected. */
async function withRun(model: ModelProto, shapes: InputShapes): Promise<Run> {
  try {
    return await withProvider(async (provider) => {
      const feeds = randomFeeds(await inputSpecs(provider, model), shapes, 1);
      const measured = await measureModel(provider, model, feeds);
      const { cuts, flow } = measured;
      const layers = layersOf(flow.graph, measured.shapes);
      const places = cuts.map((cut) => ({
        ...cut,
        steps: flow.steps.length,
        weightBytes: weightBytesBefore(flow, cut.at),
      }));
      return { macs: layers.reduce((sum, { macs }) => sum + macs, 0), layers, cuts: places };
    });
  } catch (error) {
    if (!(error instanceof SightlineError)) throw error;
    return { macs: 0, layers: [], cuts: [], error: error.toRecord() };
  }
}

function printFile(context: CommandContext, name: string, found: Inspection): void {
  const { inputs, irVersion, operators, opsets, outputs, parameters, producer, weightBytes } = found;
  const versions = opsets.map(({ domain, version }) => `${domain || "onnx"} ${version}`).join(", ");
  context.out(`${name}: IR ${irVersion}, opset ${versions}${producer && `, exported by ${producer}`}`);
  context.out(`${parameters.toLocaleString("en")} parameters in ${formatBytes(weightBytes)}\n`);
  context.out(
    table(
      ["", "name", "type", "shape"],
      [...inputs.map((each) => row("in", each)), ...outputs.map((each) => row("out", each))],
    ),
  );
  const counts = operators.map((each) => [each.operator, each.count, each.int8, each.floatBecause]);
  context.out(`\n${table(["operator", "count", "int8", "reason for float"], counts)}`);
}

const row = (kind: string, { name, dtype, dims }: Signature) => [kind, name, dtype, dims.join("x")];

const LAYERS_SHOWN = 10;

function printRun(context: CommandContext, { cuts, error, layers, macs }: Run): void {
  if (error) {
    context.out(
      `\nThe model does not run: ${error.message}\n${error.hint} Set dynamic dimensions with --shape INPUT=1x3x640x640.`,
    );
    return;
  }
  const largest = layers.toSorted((a, b) => b.macs - a.macs).slice(0, LAYERS_SHOWN);
  const share = (layer: Layer) => `${((100 * layer.macs) / Math.max(1, macs)).toFixed(1)} %`;
  context.out(`\n${millions(macs)} multiplications in ${layers.length} layers; the largest:`);
  context.out(
    table(
      ["operator", "output", "shape", "millions", "share"],
      largest.map((each) => [
        each.operator,
        each.output,
        each.dims.join("x"),
        millions(each.macs),
        share(each),
      ]),
    ),
  );
  context.out(`\nThe model can be split at ${cuts.length} points; the narrowest of each tenth:`);
  context.out(
    table(
      ["operators before", "weights before", "tensors", "size", "names"],
      narrowest(cuts).map(({ at, bytes, tensors, weightBytes }) => [
        at,
        formatBytes(weightBytes),
        tensors.length,
        formatBytes(bytes),
        tensors.join(", "),
      ]),
    ),
  );
}

const millions = (count: number): string => `${(count / 1e6).toFixed(1)} M`;

function narrowest(cuts: readonly CutPoint[]): CutPoint[] {
  const tenths = Map.groupBy(cuts, ({ at, steps }) => Math.floor((10 * at) / steps));
  return [...tenths.values()].flatMap((each) => each.toSorted((a, b) => a.bytes - b.bytes).slice(0, 1));
}
