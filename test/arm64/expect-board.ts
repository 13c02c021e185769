import assert from "node:assert/strict";
import os from "node:os";
import { cpuFeatures } from "../../runtime/native/index.ts";

// Before each test file of an emulated board: by mistake it might run on this machine's own CPU, or on another board's.

const BOARDS: Record<string, { model: string; hasDotProduct: boolean }> = {
  pi4: { model: "Cortex-A72", hasDotProduct: false },
  pi5: { model: "Cortex-A76", hasDotProduct: true },
};

const features = cpuFeatures();
assert.deepEqual(
  {
    arch: process.arch,
    model: os.cpus()[0]?.model,
    hasNeon: features.includes("asimd"),
    hasDotProduct: features.includes("asimddp"),
  },
  { arch: "arm64", hasNeon: true, ...BOARDS[process.env.SIGHTLINE_BOARD ?? ""] },
);
