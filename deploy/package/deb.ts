import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { cp, lstat, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { ROOT } from "./bundle.ts";
import { type Arch, filesBelow } from "./natives.ts";

const run = promisify(execFile);
const SCRIPTS = ["postinst", "prerm", "postrm"];

/**
 * What every native file of the package runs on: Debian 12, Ubuntu 22.04 (JetPack 6) and later. The test of the package
 * holds the files against it.
 */
export const OLDEST = { GLIBC: "2.34", GLIBCXX: "3.4.30" };

/** Names of the packages that real cameras need; without them pictures, HTTP and MQTT work as sources. */
const CAMERAS = [
  "gstreamer1.0-tools",
  "gstreamer1.0-plugins-base",
  "gstreamer1.0-plugins-good",
  "gstreamer1.0-plugins-bad",
  "gstreamer1.0-libcamera",
];

function control(arch: Arch, version: string, kilobytes: number): string {
  return `Package: sightline
Version: ${version}
Architecture: ${arch}
Maintainer: The Sightline developers <sightline@localhost>
Section: science
Priority: optional
Installed-Size: ${kilobytes}
Depends: libc6 (>= ${OLDEST.GLIBC}), libstdc++6 (>= 12), libgcc-s1, systemd, init-system-helpers (>= 1.52)
Recommends: ${CAMERAS.join(", ")}
Suggests: mosquitto
Description: visual inspection on the edge
 Runs defect detection on the cameras of a production line and publishes
 verdicts over MQTT, which are kept until the broker has them. Node.js and
 ONNX Runtime are included; nothing is compiled or downloaded.
`;
}

/** Packs the tree into `file`. The same tree and time give the same bytes. */
export async function packDeb(
  tree: string,
  file: string,
  { arch, epochS, version }: { arch: Arch; epochS: number; version: string },
): Promise<void> {
  const paths = await filesBelow(tree);
  const debian = join(tree, "DEBIAN");
  await mkdir(debian);
  const sizes = await Promise.all(paths.map(async (path) => (await lstat(join(tree, path))).size));
  const kilobytes = sizes.reduce((sum, size) => sum + Math.ceil(size / 1024), 0);
  await writeFile(join(debian, "control"), control(arch, version, kilobytes));
  await writeFile(join(debian, "conffiles"), "/etc/sightline/sightline.yaml\n");
  await writeFile(join(debian, "md5sums"), await md5sums(tree, paths));
  for (const script of SCRIPTS) {
    await cp(join(ROOT, "deploy/package/debian", script), join(debian, script));
  }
  await settle(tree, epochS);
  // gzip: quick, and every dpkg reads it. Its bytes do not depend on the number of cores.
  await run("dpkg-deb", ["--root-owner-group", "-Zgzip", "-z9", "--build", tree, file], {
    env: { ...process.env, SOURCE_DATE_EPOCH: `${epochS}` },
  });
}

async function md5sums(tree: string, paths: readonly string[]): Promise<string> {
  const lines: string[] = [];
  for (const path of paths) {
    if (path.startsWith("etc/") || (await lstat(join(tree, path))).isSymbolicLink()) continue;
    const digest = createHash("md5")
      .update(await readFile(join(tree, path)))
      .digest("hex");
    lines.push(`${digest}  ${path}\n`);
  }
  return lines.join("");
}

/** Times and permissions that do not depend on who builds, when, and with which umask. */
async function settle(tree: string, epochS: number): Promise<void> {
  const scripts = SCRIPTS.map((name) => `DEBIAN/${name}`);
  const programs = ["usr/bin/sightline", "usr/lib/sightline/bin/node", ...scripts];
  await run("chmod", ["-R", "u=rwX,go=rX", tree]);
  await run("find", [tree, "-type", "f", "-exec", "chmod", "0644", "{}", "+"]);
  await run("chmod", ["0755", ...programs.map((path) => join(tree, path))]);
  await run("find", [tree, "-exec", "touch", "--no-dereference", `--date=@${epochS}`, "{}", "+"]);
}
