import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type Cpu, listWorkloads, PROGRAM, runsOn } from "../../bench/arm64/workloads.ts";
import { endOf, runSync } from "../support/child-processes.ts";
import { tempFolder } from "../support/temp-folder.ts";

const FINE = { signal: null, status: 0 };
const DIES = { signal: "SIGILL", status: null };

async function run(cpu: Cpu, program: string, ...args: string[]) {
  // QEMU may leave a core file where it stands.
  const { signal, status } = endOf("qemu-aarch64", ["-cpu", cpu, program, ...args], {
    cwd: await tempFolder(),
  });
  return { signal, status };
}

// So the suite on emulated boards would notice a wrong choice of variant: they die of it as the real ones do.
test("a dot product is an illegal instruction to a Cortex-A72, and none to a Cortex-A76", async () => {
  const folder = await tempFolder();
  const [source, program] = [join(folder, "dot.cc"), join(folder, "dot")];
  await writeFile(source, 'int main() { asm("sdot v0.4s, v1.16b, v2.16b"); }\n');
  runSync("aarch64-linux-gnu-g++", ["-march=armv8.2-a+dotprod", "-static", source, "-o", program]);
  expect(await run("cortex-a72", program)).toEqual(DIES);
  expect(await run("cortex-a76", program)).toEqual(FINE);
});

// A workload runs its variant without asking the CPU whether it can.
test.each(listWorkloads())("$kernel $variant runs where it is said to, and only there", async (workload) => {
  for (const cpu of ["cortex-a72", "cortex-a76"] as const) {
    const wanted = runsOn(workload, cpu) ? FINE : DIES;
    expect(await run(cpu, PROGRAM, "run", workload.kernel, workload.variant, "1")).toEqual(wanted);
  }
});
