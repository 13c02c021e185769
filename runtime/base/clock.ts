/** Time as an argument, so that tests can bring their own. */
export interface Clock {
  /** Monotonic nanoseconds; only differences mean something. */
  nowNs(): bigint;
  /** Wall clock, milliseconds since 1970; may be stepped at any time. */
  wallMs(): number;
}

export const systemClock: Clock = {
  nowNs: () => process.hrtime.bigint(),
  wallMs: () => Date.now(),
};

export const msBetween = (startNs: bigint, endNs: bigint): number => Number(endNs - startNs) / 1e6;
