/**
 * What is installed, in bare systems and in the emulated machine.
 *
 *   npm run test:deploy                   amd64: the package in bare systems, and the bundle's end-to-end tests
 *   npm run test:deploy -- --long         the emulated machine and the container, and arm64 as Cortex-A72 and Cortex-A76
 *   npm run test:deploy -- --only NAME    package, machine, bundle or container
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { readVersion } from "../../cli/version.ts";
import { writeTree } from "../../deploy/package/tree.ts";
import { boundCommand } from "../../runtime/base/bound-command.ts";

const ROOT = join(import.meta.dirname, "../..");
/** End-to-end tests that start the command; those of cameras and of faults inside take longer and use the sources' parts. */
const BUNDLED = [
  "daemon",
  "http",
  "inference",
  "reload",
  "models-running",
  "staged-pipeline",
  "service-manager",
];

interface Step {
  name: "package" | "machine" | "bundle" | "container";
  args: readonly string[];
  env?: Readonly<Record<string, string>>;
}

const deploy = (name: Step["name"], env?: Step["env"]): Step => ({
  name,
  args: ["--config", "vitest.deploy.config.ts", "--project", name],
  ...(env && { env }),
});
/** What CI runs; the rest of the native ones takes longer. */
const SHORT: readonly Step["name"][] = ["package", "bundle"];
const NATIVE: readonly Step[] = [
  deploy("package"),
  { name: "bundle", args: BUNDLED.map((file) => `test/e2e/${file}.test.ts`) },
  deploy("machine"),
  deploy("container"),
];
const ARM64: readonly Step[] = [
  deploy("package", { SIGHTLINE_DEPLOY_ARCH: "arm64" }),
  ...["cortex-a72", "cortex-a76"].map((cpu) =>
    deploy("machine", { SIGHTLINE_DEPLOY_ARCH: "arm64", SIGHTLINE_DEPLOY_CPU: cpu }),
  ),
];

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: { long: { type: "boolean", default: false }, only: { type: "string" } },
  });
  const steps = [...NATIVE, ...(values.long ? ARM64 : [])].filter(({ name }) =>
    values.only === undefined ? values.long || SHORT.includes(name) : name === values.only,
  );
  if (steps.length === 0) throw new Error(`there is no part "${values.only}"`);
  const folder = await mkdtemp(join(tmpdir(), "sightline-bundle-"));
  const lines: string[] = [];
  try {
    for (const { args, env, name } of steps) {
      const startedMs = performance.now();
      const bundle = name === "bundle" ? { SIGHTLINE_BIN: await bundleIn(folder) } : {};
      const code = await vitest(args, { ...env, ...bundle });
      lines.push(`${name} ${Object.values(env ?? {}).join(" ")} ${minutesSince(startedMs)} minutes`);
      if (code !== 0) return code ?? 1;
    }
    return 0;
  } finally {
    console.log(lines.join("\n"));
    await rm(folder, { recursive: true, force: true });
  }
}

async function bundleIn(folder: string): Promise<string> {
  await writeTree(folder, process.arch === "arm64" ? "arm64" : "amd64", readVersion());
  return join(folder, "usr/bin/sightline");
}

async function vitest(args: readonly string[], env: object): Promise<number | null> {
  const command = [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", ...args];
  const child = spawn(...boundCommand(process.execPath, command), {
    cwd: ROOT,
    stdio: "inherit",
    env: { ...process.env, ...env },
  });
  const [code] = (await once(child, "exit")) as [number | null];
  return code;
}

const minutesSince = (startedMs: number): string => ((performance.now() - startedMs) / 60_000).toFixed(1);

process.exitCode = await main();
