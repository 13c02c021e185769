/**
 * Boots an emulated machine, runs a line of bash in it as root, and ends with its exit status.
 *
 *   npm run machine -- amd64 'uname -a'
 *   npm run machine -- arm64 --cpu cortex-a76 'cat /proc/cpuinfo'
 */
import { parseArgs } from "node:util";
import { Machine } from "./machine.ts";

const { positionals, values } = parseArgs({ options: { cpu: { type: "string" } }, allowPositionals: true });
const [arch, ...command] = positionals;
if ((arch !== "arm64" && arch !== "amd64") || command.length === 0) {
  console.error("usage: npm run machine -- arm64|amd64 [--cpu NAME] COMMAND…");
  process.exit(2);
}
const machine = await Machine.boot({ arch, cpu: values.cpu });
console.error(
  `machine: emulated ${arch} (QEMU TCG, -cpu ${machine.cpu}): its times are not those of a board`,
);
try {
  const { code, stderr, stdout } = await machine.run(command.join(" "));
  process.stdout.write(stdout);
  process.stderr.write(stderr);
  process.exitCode = code;
} finally {
  await machine.stop();
}
