import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { cp, mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import type { Arch } from "../../deploy/package/natives.ts";
import { run } from "../support/child-processes.ts";

const CACHE = join(import.meta.dirname, "../../node_modules/.cache/roots");
/** A small system; what it lacks is what a package may forget to depend on. */
const RECIPE = [
  "--mode=root",
  "--variant=minbase",
  "--include=systemd,systemd-sysv",
  '--aptopt=Apt::Install-Recommends "0"',
  "--dpkgopt=path-exclude=/usr/share/doc/*",
  "--dpkgopt=path-exclude=/usr/share/locale/*",
];

const BINFMT = join(import.meta.dirname, "../../deploy/machine/binfmt-ns.sh");
const NATIVE: Arch = process.arch === "arm64" ? "arm64" : "amd64";

export type Suite = "bullseye" | "bookworm" | "trixie";

interface Output {
  code: number;
  /** Standard output and error, as they came. */
  text: string;
}

/** An installed Debian in a folder: commands run in it as root, with a process table of their own and without network. */
export class Root {
  readonly folder: string;
  readonly #arch: Arch;

  private constructor(folder: string, arch: Arch) {
    this.folder = folder;
    this.#arch = arch;
  }

  static async unpack(suite: Suite, arch: Arch = NATIVE): Promise<Root> {
    const archive = await archiveOf(suite, arch);
    const folder = await mkdtemp(join(tmpdir(), `sightline-${suite}-`));
    await run("tar", ["-xf", archive, "-C", folder]);
    return new Root(folder, arch);
  }

  /** Copies a file of the host into /root. */
  async put(file: string): Promise<string> {
    const path = join("/root", basename(file));
    await cp(file, join(this.folder, path));
    return path;
  }

  /** Runs a shell script; it ends with all that it has started. */
  async sh(script: string): Promise<Output> {
    const isolation = ["--mount", "--pid", "--net", "--ipc", "--fork", "--kill-child"];
    const clean = ["env", "-i", "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LANG=C.UTF-8"];
    const shell = [...clean, "DEBIAN_FRONTEND=noninteractive", "sh", "-c", `exec 2>&1\n${script}`];
    const args = [...isolation, `--root=${this.folder}`, "--mount-proc", ...shell];
    try {
      const { stdout } = await run(...emulated(this.#arch, "unshare", args));
      return { code: 0, text: stdout };
    } catch (error) {
      const { code, stdout } = error as { code: number; stdout: string };
      if (typeof code !== "number") throw error;
      return { code, text: stdout };
    }
  }

  async remove(): Promise<void> {
    await rm(this.folder, { recursive: true });
  }
}

/** Made once a recipe; one that was broken off is not taken for a whole one. */
async function archiveOf(suite: Suite, arch: Arch): Promise<string> {
  const digest = createHash("sha256").update(RECIPE.join("\n")).digest("hex").slice(0, 12);
  const archive = join(CACHE, `${suite}-${arch}-${digest}.tar`);
  if (existsSync(archive)) return archive;
  await mkdir(CACHE, { recursive: true });
  const part = join(CACHE, `${suite}-${arch}-${process.pid}.part.tar`);
  try {
    await run(
      ...emulated(arch, "mmdebstrap", [...RECIPE, `--arch=${arch}`, "--skip=check/qemu", suite, part]),
    );
    await rename(part, archive);
  } finally {
    await rm(part, { force: true });
  }
  return archive;
}

/** The command where programs of `arch` run: emulated (qemu-user) when they are not this machine's. */
const emulated = (arch: Arch, file: string, args: readonly string[]): [string, string[]] =>
  arch === NATIVE ? [file, [...args]] : ["bash", [BINFMT, file, ...args]];
