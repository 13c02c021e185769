import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { type Cpu, listWorkloads, PROGRAM, runsOn, type Workload } from "../../bench/arm64/workloads.ts";
import { tempFolder } from "../support/temp-folder.ts";

/** Runs a variant without asking the CPU whether it can. */
async function run({ kernel, variant }: Workload, cpu: Cpu) {
  const args = ["-cpu", cpu, PROGRAM, "run", kernel, variant, "1"];
  // QEMU may leave a core file where it stands.
  const { signal, status } = spawnSync("qemu-aarch64", args, { cwd: await tempFolder() });
  return { signal, status };
}

const workloads = listWorkloads();

test.each(workloads.filter((workload) => runsOn(workload, "cortex-a72")))(
  "$kernel $variant runs on a Cortex-A72",
  async (workload) => {
    expect(await run(workload, "cortex-a72")).toEqual({ signal: null, status: 0 });
  },
);

// So these tests would notice a dispatch that chose wrongly: the emulated board does what the real one does.
test.each(workloads.filter((workload) => !runsOn(workload, "cortex-a72")))(
  "$kernel $variant is an illegal instruction to a Cortex-A72, and runs on a Cortex-A76",
  async (workload) => {
    expect(await run(workload, "cortex-a72")).toEqual({ signal: "SIGILL", status: null });
    expect(await run(workload, "cortex-a76")).toEqual({ signal: null, status: 0 });
  },
);

test("there are variants of each kind", () => {
  const variants = workloads.map(({ variant }) => variant);
  expect(variants).toEqual(expect.arrayContaining(["generic", "neon", "neon_dotprod"]));
});
