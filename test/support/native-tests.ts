/** The test files that reach native code: they also run sanitized, and on emulated boards. */
export const NATIVE_TESTS = [
  "test/unit/addon.test.ts",
  "test/unit/tensor/buffer-pool.test.ts",
  "runtime/arm-neon/kernels/**/*.test.ts",
  "test/unit/pipeline/decode.test.ts",
  "test/contract/session.test.ts",
  "test/contract/decoders.test.ts",
];
