import type { ModelProto } from "../../models/onnx/proto/onnx_pb.js";
import type { ExecutionProvider } from "../../runtime/session/execution-provider.ts";
import { optimized } from "./optimize.ts";

/** What ONNX Runtime made of the pairs of QuantizeLinear and DequantizeLinear, read from its own optimised graph. */
export interface Fusion {
  /** Operators that run on codes, by name. */
  integer: Readonly<Record<string, number>>;
  /** Operators with weights that run in float, by name. */
  left: Readonly<Record<string, number>>;
  /** Conversions that remain: between codes and floats. */
  conversions: number;
}

const INTEGER = /^(QLinear|QGemm|ConvInteger|MatMulInteger|DynamicQuantize|QAttention|MatMulNBits)/;
const WEIGHTED = new Set(["Conv", "FusedConv", "MatMul", "Gemm", "FusedMatMul", "FusedGemm"]);

/** Errors: ERR_MODEL_LOAD. */
export async function fusionOf(model: ModelProto, provider: ExecutionProvider): Promise<Fusion> {
  const nodes = (await optimized(model, "extended", provider)).graph?.node ?? [];
  const count = (keep: (operator: string) => boolean) =>
    Object.fromEntries(
      [...Map.groupBy(nodes, ({ opType }) => opType)]
        .filter(([operator]) => keep(operator))
        .map(([operator, of]) => [operator, of.length]),
    );
  const conversions = count((operator) => /^(Quantize|Dequantize)Linear$/.test(operator));
  return {
    integer: count((operator) => INTEGER.test(operator)),
    left: count((operator) => WEIGHTED.has(operator)),
    conversions: Object.values(conversions).reduce((sum, n) => sum + n, 0),
  };
}
