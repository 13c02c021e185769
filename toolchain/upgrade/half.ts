/** The bits of the IEEE 754 binary16 nearest to `value`; ties go to even, what is too large becomes infinite. */
export function floatToHalf(value: number): number {
  const sign = Object.is(Math.sign(value), -0) || value < 0 ? 0x8000 : 0;
  const size = Math.abs(value);
  if (Number.isNaN(size)) return 0x7e00;
  if (size >= 65520) return sign | 0x7c00;
  const exponent = Math.max(Math.floor(Math.log2(size)), -14);
  // A fraction that rounds up to 2048 carries into the exponent by itself.
  const fraction = roundToEven(size * 2 ** (10 - exponent));
  return sign | (fraction < 1024 ? fraction : ((exponent + 14) << 10) + fraction);
}

function roundToEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
