import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { run } from "../support/child-processes.ts";
import { MODELS } from "../support/models.ts";

const CHILD = fileURLToPath(new URL("../support/children/session-memory.ts", import.meta.url));

test.each(["mobilenetV1", "mobilenetV2", "fastestDet", "squeezeNetFp16"] as const)(
  "a session of %s takes what was written down for it",
  async (name) => {
    const { stdout } = await run(process.execPath, ["--expose-gc", CHILD, MODELS[name]]);
    const { measured, written } = JSON.parse(stdout) as { measured: number; written: number };
    console.log(
      `${name}: ${(written / 1e3).toFixed(0)} kB written down, ${(measured / 1e3).toFixed(0)} kB measured`,
    );
    expect(written / measured).toBeGreaterThan(0.8);
    expect(written / measured).toBeLessThan(1.4);
  },
);
