// Makes a bare clone ready to run: `npm run demo` and `npm test` call it first. It runs on whatever Node is
// there, before anything is installed, so it uses nothing but Node's own modules, and does nothing twice.
//
//   node deploy/setup.mjs           packages from npm (Node 24 among them) and the native addon
//   node deploy/setup.mjs --tests   also the Debian packages that the tests drive for real, and those of --arm64
//   node deploy/setup.mjs --arm64   also what emulates arm64 boards: QEMU, a cross compiler, Node for arm64
//   node deploy/setup.mjs --machine also what the emulated machine and bare systems are built and run with
//   node deploy/setup.mjs --models  also models of their CPUs, which only `npm run bench:arm64` has a use for

import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { arm64Packages } from "./arm64/packages.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const BUILD = [{ command: "c++", package: "g++" }];
const TESTS = [
  { command: "mosquitto", package: "mosquitto" },
  { command: "mosquitto_sub", package: "mosquitto-clients" },
  { command: "openssl", package: "openssl" },
  {
    command: "gst-launch-1.0",
    package: "gstreamer1.0-tools gstreamer1.0-plugins-base gstreamer1.0-plugins-good",
  },
  // An RTSP server on loopback; python3-gi works with Debian's own Python only.
  {
    library: "girepository-1.0/GstRtspServer-1.0.typelib",
    package: "python3-gi gir1.2-gst-rtsp-server-1.0",
  },
];
const ARM64 = [
  { command: "qemu-aarch64", package: "qemu-user" },
  { command: "aarch64-linux-gnu-g++", package: "g++-aarch64-linux-gnu" },
];
const MACHINE = [
  { command: "mmdebstrap", package: "mmdebstrap arch-test uidmap debian-archive-keyring" },
  { command: "qemu-system-aarch64", package: "qemu-system-arm ipxe-qemu" },
  { command: "qemu-system-x86_64", package: "qemu-system-x86 seabios" },
  { command: "qemu-img", package: "qemu-utils" },
  { command: "qemu-aarch64-static", package: "qemu-user-static" },
  { command: "umoci", package: "umoci runc" },
  { command: "cpio", package: "cpio kmod xz-utils e2fsprogs" },
];
const MODELS = [{ command: "llvm-mca-19", package: "llvm-19" }];

const LIBRARIES = ["x86_64", "aarch64"].map((cpu) => `/usr/lib/${cpu}-linux-gnu`);

const say = (line) => process.stderr.write(`setup: ${line}\n`);

function isInstalled({ command, library }) {
  if (library) return LIBRARIES.some((folder) => existsSync(join(folder, library)));
  const folders = [...(process.env.PATH ?? "").split(":"), "/usr/sbin", "/usr/local/sbin"];
  return folders.some((folder) => existsSync(join(folder, command)));
}

/** Installs what is missing when it may, names it with the command to type when it may not. */
function debianPackages(tools) {
  const missing = tools.filter((tool) => !isInstalled(tool)).map((tool) => tool.package);
  if (missing.length === 0) return;
  const names = missing.join(" ").split(" ");
  if (process.getuid?.() === 0 && isInstalled({ command: "apt-get" })) {
    say(`installing ${names.join(", ")}`);
    const quiet = {
      stdio: ["ignore", "ignore", "inherit"],
      env: { ...process.env, DEBIAN_FRONTEND: "noninteractive" },
    };
    const install = () =>
      spawnSync("apt-get", ["install", "-y", "-qq", "--no-install-recommends", ...names], quiet);
    if (install().status === 0) return;
    spawnSync("apt-get", ["update", "-qq"], quiet);
    if (install().status === 0) return;
  }
  say(`missing: ${names.join(", ")}. Install with: sudo apt-get install ${names.join(" ")}`);
}

function npmCommand() {
  const npm = process.env.npm_execpath;
  return npm ? [process.execPath, npm] : ["npm"];
}

function npmPackages() {
  const lock = createHash("sha256")
    .update(readFileSync(join(root, "package-lock.json")))
    .digest("hex");
  const stamp = join(root, "node_modules", ".sightline-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  say("installing packages (once; about a minute)");
  const [command, ...first] = npmCommand();
  // No package needs its install script: better-sqlite3 ships binaries, and onnxruntime-node's only fetches CUDA.
  const args = [...first, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  execFileSync(command, args, {
    cwd: root,
    stdio: ["ignore", "ignore", "inherit"],
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: "skip" },
  });
  writeFileSync(stamp, lock);
}

function nativeAddon(...args) {
  execFileSync(process.execPath, [join(root, "runtime", "native", "build.mjs"), ...args], {
    stdio: "inherit",
  });
}

/** The addon for an emulated board. */
function arm64() {
  arm64Packages(root, npmCommand());
  nativeAddon("--arch", "arm64");
  nativeAddon("--arch", "arm64", "--workloads");
}

try {
  const [tests, emulation, machine, models] = ["--tests", "--arm64", "--machine", "--models"].map((flag) =>
    process.argv.includes(flag),
  );
  // An arm64 machine needs no emulator: the tests run there as they are.
  const wantsArm64 = (tests || emulation || models) && process.arch !== "arm64";
  debianPackages([
    ...BUILD,
    ...(tests ? TESTS : []),
    ...(wantsArm64 ? ARM64 : []),
    ...(machine ? MACHINE : []),
    ...(models ? MODELS : []),
  ]);
  npmPackages();
  nativeAddon();
  if (wantsArm64) arm64();
} catch (error) {
  say(`failed: ${error.message}`);
  process.exit(1);
}
