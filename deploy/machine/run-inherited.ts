import { spawn } from "node:child_process";
import { once } from "node:events";
import { boundCommand } from "../../runtime/base/bound-command.ts";

/** Runs a command whose output is ours; it ends with this process. Fails when it does. */
export async function runInherited(file: string, args: readonly string[]): Promise<void> {
  const child = spawn(...boundCommand(file, args), { stdio: ["ignore", 2, 2] });
  const [code] = await once(child, "exit");
  if (code !== 0) throw new Error(`${file} ${args.join(" ")} ended with ${code}`);
}
