/** The nearest whole number, a half to the even one: as NumPy and ONNX's QuantizeLinear round; never −0. */
export function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return (rounded - value === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded) + 0;
}

export function clamp(value: number, min: number, max: number): number {
  return Math.min(max, Math.max(min, value));
}
