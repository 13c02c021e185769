import { execFile } from "node:child_process";
import { appendFile, mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import type { Arch } from "./natives.ts";

const run = promisify(execFile);
const USER = "10001:10001";
const HOME = "/var/lib/sightline";
const CONFIG = "/etc/sightline/sightline.yaml";
const BASE = ["libstdc++6", "gstreamer1.0-tools", "gstreamer1.0-plugins-base", "gstreamer1.0-plugins-good"];

/**
 * Writes an OCI image layout to `folder` without a container engine: Debian's packages by mmdebstrap, ours from the tree, and
 * umoci for the layout. Needs root. It is what deploy/container/Dockerfile builds.
 */
export async function packOci(
  tree: string,
  folder: string,
  { arch, version }: { arch: Arch; version: string },
): Promise<void> {
  const root = await mkdtemp(join(tmpdir(), "sightline-oci-"));
  try {
    await run("mmdebstrap", [
      ...["--quiet", "--mode=root", "--variant=minbase", `--arch=${arch}`],
      ...['--aptopt=Apt::Install-Recommends "0"', "--dpkgopt=path-exclude=/usr/share/doc/*"],
      ...[`--include=${BASE.join(",")}`, "trixie", root],
    ]);
    for (const part of ["etc/sightline", "usr/bin/sightline", "usr/lib/sightline"]) {
      await run("cp", ["-a", "--parents", part, root], { cwd: tree });
    }
    await appendFile(join(root, "etc/passwd"), `sightline:x:${USER}::${HOME}:/usr/sbin/nologin\n`);
    await appendFile(join(root, "etc/group"), "sightline:x:10001:\n");
    await mkdir(join(root, HOME), { recursive: true });
    await run("chown", [USER, join(root, HOME)]);
    await rm(folder, { recursive: true, force: true });
    const image = `${folder}:${version}`;
    await run("umoci", ["init", "--layout", folder]);
    await run("umoci", ["new", "--image", image]);
    await run("umoci", ["insert", "--image", image, root, "/"]);
    await run("umoci", [
      ...["config", "--image", image, "--architecture", arch, "--os", "linux"],
      ...["--config.user", USER, "--config.workingdir", HOME, "--config.volume", HOME],
      ...["--config.env", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "--config.env", `HOME=${HOME}`],
      ...["--config.env", `CACHE_DIRECTORY=${HOME}/.cache`, "--config.entrypoint", "/usr/bin/sightline"],
      ...["run", "--config", CONFIG].flatMap((word) => ["--config.cmd", word]),
    ]);
    await run("umoci", ["gc", "--layout", folder]);
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
