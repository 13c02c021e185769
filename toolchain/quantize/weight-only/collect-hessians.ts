import type { ModelProto } from "../../../models/onnx/proto/onnx_pb.js";
import type { ExecutionProvider } from "../../../runtime/session/execution-provider.ts";
import type { NamedTensors } from "../../../runtime/tensor/tensor.ts";
import { Observer } from "../calibrate/observe.ts";
import { samplePatches, sampleRows } from "./input-rows.ts";
import { LayerHessian } from "./layer-hessian.ts";
import type { WeightLayer } from "./layers.ts";

export interface WeightCalibration {
  provider: ExecutionProvider;
  /** Begins anew with each call: layers that do not fit into memory together are seen in further rounds. */
  inputs: () => AsyncIterable<NamedTensors>;
  /** Called after each input of each round. */
  onInput?: (inputs: number) => void;
}

/** What the sums of one round may take; a layer has at least its own. */
const MAX_BYTES = 512 * 2 ** 20;

/** Rows of a layer's inputs that count, of one calibration input: neighbouring pixels say much the same. */
const ROWS = 128;

/** The golden ratio's fraction: multiples of it, modulo 1, never cluster (Weyl). */
const STEP = (Math.sqrt(5) - 1) / 2;

/** Layers that are looked at together, so that their sums fit into memory. */
export function rounds(layers: readonly WeightLayer[]): WeightLayer[][] {
  const groups: WeightLayer[][] = [];
  let bytes = Number.POSITIVE_INFINITY;
  for (const layer of layers) {
    const own = LayerHessian.bytes(layer.k);
    if (bytes + own > MAX_BYTES) {
      groups.push([]);
      bytes = 0;
    }
    groups.at(-1)?.push(layer);
    bytes += own;
  }
  return groups;
}

/**
 * Runs a prepared float model over the calibration inputs and sums up what each layer sees; no activation is kept.
 * Layers that see the same share one. Errors: ERR_QUANTIZE_RANGE, ERR_MODEL_LOAD, ERR_SESSION_RUN, and those of the
 * inputs.
 */
export async function collectHessians(
  model: ModelProto,
  layers: readonly WeightLayer[],
  { provider, inputs, onInput = () => {} }: WeightCalibration,
): Promise<Map<WeightLayer, LayerHessian>> {
  const views = [...Map.groupBy(layers.filter(isSeen), viewOf).values()].map((sharing) => new View(sharing));
  const byTensor = Map.groupBy(views, ({ tensor }) => tensor);
  const observer = new Observer(provider, model);
  let seen = 0;
  try {
    for await (const feeds of inputs()) {
      if (seen === 0) await observer.open([...byTensor.keys()], feeds);
      await observer.run(feeds, (name, values, dims) => {
        for (const view of byTensor.get(name) ?? []) view.add(values, dims, (seen * STEP) % 1);
      });
      onInput(++seen);
    }
  } finally {
    await observer.close();
  }
  return new Map(views.flatMap(({ layers: sharing, hessian }) => sharing.map((layer) => [layer, hessian])));
}

/** Grouped convolutions, and those of sound and volumes, with one or three spatial axes, are rounded to nearest. */
const isSeen = ({ geometry, isGrouped }: WeightLayer): boolean =>
  geometry === undefined || (geometry.kernel.length === 2 && !isGrouped);

const viewOf = ({ node, geometry }: WeightLayer): string => JSON.stringify([node.input[0], geometry]);

/** One way of looking at one tensor. */
class View {
  readonly layers: readonly WeightLayer[];
  readonly tensor: string;
  readonly hessian: LayerHessian;

  constructor(layers: readonly WeightLayer[]) {
    this.layers = layers;
    this.tensor = layers[0]?.node.input[0] ?? "";
    this.hessian = new LayerHessian(layers[0]?.k ?? 1);
  }

  add(values: Float32Array, dims: readonly number[], offset: number): void {
    const geometry = this.layers[0]?.geometry;
    const sampling = { count: ROWS, offset };
    this.hessian.add(
      geometry
        ? samplePatches(values, dims, geometry, sampling)
        : sampleRows(values, this.hessian.k, sampling),
    );
  }
}
