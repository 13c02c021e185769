/**
 * How often to repeat what is worth `count` times on a real CPU. Emulated ones take some twenty times as long, so
 * vitest.arm64.config.ts sets SIGHTLINE_SHORT_TESTS, the only variable that makes tests do less.
 */
export const repeats = (count: number): number =>
  process.env.SIGHTLINE_SHORT_TESTS === undefined ? count : Math.ceil(count / 4);
