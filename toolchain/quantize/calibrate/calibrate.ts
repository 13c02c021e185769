import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import type { ExecutionProvider } from "../../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../../runtime/tensor/tensor.ts";
import { ChannelMeans } from "../numerics/bias-correction.ts";
import type { QuantizationPlan } from "../static/plan.ts";
import { Histogram } from "./histogram.ts";
import { Observer } from "./observe.ts";

/** What the tensors of a model held over the calibration images. */
export interface Calibration {
  images: number;
  histograms: ReadonlyMap<string, Histogram>;
  /** Mean of each channel of the tensors that Convs read. */
  means: ReadonlyMap<string, Float32Array>;
}

export interface Calibrated {
  model: ModelProto;
  plan: QuantizationPlan;
}

/**
 * Runs a prepared model over `inputs` and keeps the distribution of every tensor of the plan, in memory that does not
 * depend on how many there are. Errors: ERR_QUANTIZE_RANGE (no inputs, NaN or infinity), ERR_SESSION_RUN, and those of
 * `inputs`.
 */
export async function calibrate(
  provider: ExecutionProvider,
  { model, plan }: Calibrated,
  inputs: AsyncIterable<NamedTensors>,
  onImage: (images: number) => void = () => {},
): Promise<Calibration> {
  const names = [...new Set(plan.tensors.values())];
  const histograms = new Map(names.map((name) => [name, new Histogram(name)]));
  const averaged = convInputs(plan);
  const means = new Map<string, ChannelMeans>();
  const observer = new Observer(provider, model);
  let images = 0;
  try {
    for await (const feeds of inputs) {
      if (images === 0) await observer.open(names, feeds);
      await observer.run(feeds, (name, values, dims) => {
        histograms.get(name)?.add(values);
        if (averaged.has(name)) addMeans(means, name, values, dims);
      });
      onImage(++images);
    }
  } finally {
    await observer.close();
  }
  for (const histogram of histograms.values()) histogram.assertSeen();
  return { images, histograms, means: new Map([...means].map(([name, sums]) => [name, sums.means()])) };
}

function convInputs({ nodes }: QuantizationPlan): Set<string> {
  const convs = [...nodes.keys()].filter(({ opType }) => opType === "Conv");
  return new Set(convs.map(({ input }) => input[0] ?? ""));
}

function addMeans(
  means: Map<string, ChannelMeans>,
  name: string,
  values: Float32Array,
  [, channels = 1, ...rest]: readonly number[],
): void {
  const sums = means.get(name) ?? new ChannelMeans(channels);
  means.set(name, sums);
  sums.add(
    values,
    rest.reduce((product, side) => product * side, 1),
  );
}
