/**
 * Builds the native addon with plain compiler calls: no generator, no download. Does nothing when sources, flags
 * and compiler name are unchanged. Plain JavaScript for Node 18, because `npm ci` may run it on an older Node.
 *
 *   node build.mjs [--arch arm64|x64]   build/linux-<arch>/sightline.node; left out: this machine's
 *                  [--sanitize]         build/linux-<arch>-asan/sightline.node
 *                  [--workloads]        build/linux-<arch>/workloads, the kernels as a program without Node
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { basename, delimiter, dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs, promisify } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
/** The addon is this folder and what computes; includes are written from either. */
const roots = [here, join(here, "..", "arm-neon")];
const run = promisify(execFile);

class BuildFailure extends Error {}

const packageFolder = (name) => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));

/** Debian's names; other distributions' differ only in the package. */
const CROSS_COMPILERS = { arm64: "aarch64-linux-gnu-g++", x64: "x86_64-linux-gnu-g++" };
const CROSS_PACKAGES = { arm64: "g++-aarch64-linux-gnu", x64: "g++-x86-64-linux-gnu" };

/** Every file below the addon's folder that the compiler or the linker reads, sorted. */
function filesIn(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== "build")
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesIn(path);
      return [".cc", ".h", ".inc", ".map"].includes(extname(path)) ? [path] : [];
    });
}

const sourceFiles = () => roots.flatMap(filesIn).sort();

/** From the root that it lies below. */
const nameOf = (file) => relative(roots.find((root) => file.startsWith(root)) ?? here, file);

/** Whether a source, or a header of ours that it includes, needs Node. */
function needsNode(file, seen = new Set()) {
  if (seen.has(file) || !existsSync(file)) return false;
  seen.add(file);
  const text = readFileSync(file, "utf8");
  if (text.includes("#include <napi.h>")) return true;
  return [...text.matchAll(/#include "([^"]+)"/g)].some(([, path]) =>
    roots.some((root) => needsNode(join(root, path), seen)),
  );
}

const isKernel = (file) => nameOf(file).startsWith("kernels/");
const isWorkload = (file) => ["workload.cc", "workloads.cc"].includes(basename(file));

/** What is linked: the addon, or its kernels with what drives them. */
function unitsOf({ workloads }) {
  const units = sourceFiles().filter((file) => extname(file) === ".cc");
  if (!workloads) return units.filter((file) => !isWorkload(file));
  return units.filter((file) => isKernel(file) && !needsNode(file));
}

function compilerPath(arch) {
  const isCross = arch !== process.arch;
  const names = isCross
    ? [CROSS_COMPILERS[arch]]
    : process.env.CXX
      ? [process.env.CXX]
      : ["c++", "g++", "clang++"];
  const folders = ["", ...(process.env.PATH ?? "").split(delimiter).filter(Boolean)];
  for (const name of names) {
    const path = folders.map((folder) => (folder ? join(folder, name) : name)).find((p) => existsSync(p));
    if (path) return path;
  }
  const [wanted, command] = isCross
    ? [CROSS_PACKAGES[arch], `npm run build:native -- --arch ${arch}`]
    : ["g++", "npm run build:native"];
  throw new BuildFailure(
    `no C++ compiler found (looked for ${names.join(", ")}). Install one (Debian: apt-get install ${wanted}) and run: ${command}`,
  );
}

function settings({ arch, sanitize, workloads }) {
  const include = join(packageFolder("node-addon-api"));
  const headers = join(packageFolder("node-api-headers"), "include");
  // An error ends the process at once: a test that fails in words could be caught and forgotten.
  const sanitizers = [
    "-fsanitize=address,undefined",
    "-fno-sanitize-recover=all",
    "-fno-omit-frame-pointer",
    "-g",
  ];
  // One binary for every board: what needs more than this says so function by function, and asks the CPU first.
  const baseline = { arm64: ["-march=armv8-a"], x64: ["-march=x86-64"] }[arch];
  const addon = [
    ...["-shared", `-Wl,--version-script=${join(here, "exports.map")}`],
    // Never unmapped: a worker that loaded it may end while another thread still runs its code.
    "-Wl,-z,nodelete",
    "-ldl",
  ];
  return {
    compile: [
      ...["-std=c++17", "-fPIC", "-pthread", "-Wall", "-Wextra", "-Werror"],
      ...["-fno-exceptions", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections"],
      // A fused multiply-add would make kernels differ between machines, and from their twins in the tests.
      "-ffp-contract=off",
      ...["-DNAPI_VERSION=8", "-DNAPI_DISABLE_CPP_EXCEPTIONS", "-DNODE_ADDON_API_DISABLE_DEPRECATED"],
      // While a worker is being ended every call into JavaScript fails, and that is no reason to abort.
      "-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
      ...["-isystem", include, "-isystem", headers, ...roots.flatMap((root) => ["-I", root])],
      ...["-include", join(here, "oldest_libraries.h")],
      ...baseline,
      ...(sanitize ? sanitizers : []),
    ],
    plain: ["-O2"],
    // Hot loops only: at -O2 gcc does not vectorise interleaved channels.
    kernels: ["-O3"],
    // The reference that the others are compared with, so the compiler may not make a SIMD variant of it too.
    generic: ["-O3", "-fno-tree-vectorize", "-fno-tree-slp-vectorize"],
    link: [
      ...["-pthread", "-Wl,--gc-sections"],
      // A fixed place in memory, and no library to be found at run time.
      ...(workloads ? ["-static", "-no-pie"] : addon),
      ...(sanitize ? sanitizers : []),
    ],
  };
}

/**
 * Kernels are hot loops. Their `generic.cc` is plain C++ without vectorisation: no CPU that the addon is shipped for runs
 * it, as every arm64 has NEON, and x64 without AVX2 is at most a machine to develop on.
 */
function optimisation(file, flags) {
  if (!isKernel(file)) return flags.plain;
  return basename(file) === "generic.cc" ? flags.generic : flags.kernels;
}

function digest(files, flags, compiler, arch) {
  const hash = createHash("sha256").update(JSON.stringify([flags, compiler, arch]));
  for (const file of files) hash.update(file).update(readFileSync(file));
  return hash.digest("hex");
}

/** Runs `tasks` with as many at once as the machine has cores. */
async function inParallel(tasks) {
  const queue = [...tasks];
  const lane = async () => {
    for (let task = queue.shift(); task; task = queue.shift()) await task();
  };
  await Promise.all(Array.from({ length: availableParallelism?.() ?? 2 }, lane));
}

async function call(compiler, args, what) {
  try {
    await run(compiler, args, { maxBuffer: 2 ** 26 });
  } catch (error) {
    throw new BuildFailure(`${what} failed:\n${error.stderr || error.message}`);
  }
}

async function compileAndLink({ compiler, sources, flags, target }) {
  const objects = `${target}.objects`;
  mkdirSync(objects, { recursive: true });
  const units = sources.map((file) => ({
    file,
    object: join(objects, `${nameOf(file).replaceAll("/", "_")}.o`),
  }));
  await inParallel(
    units.map(({ file, object }) => () => {
      const args = [...flags.compile, ...optimisation(file, flags), "-c", file, "-o", object];
      return call(compiler, args, nameOf(file));
    }),
  );
  const fresh = `${target}.${process.pid}.tmp`;
  await call(compiler, [...units.map((unit) => unit.object), ...flags.link, "-o", fresh], "linking");
  // Renamed into place: a process that runs the old build keeps its own copy.
  renameSync(fresh, target);
}

function readOptions() {
  const options = { arch: { type: "string" }, sanitize: { type: "boolean" }, workloads: { type: "boolean" } };
  const { arch = process.arch, sanitize = false, workloads = false } = parseArgs({ options }).values;
  if (!CROSS_COMPILERS[arch]) throw new BuildFailure(`--arch is arm64 or x64, not ${arch}`);
  return { arch, sanitize, workloads };
}

async function main() {
  if (process.platform !== "linux") throw new BuildFailure("the addon is built on Linux only");
  const options = readOptions();
  const { arch, sanitize, workloads } = options;
  const folder = join(here, "build", `linux-${arch}${sanitize ? "-asan" : ""}`);
  const target = join(folder, workloads ? "workloads" : "sightline.node");
  const stamp = `${target}.digest`;
  const flags = settings(options);
  const compiler = compilerPath(arch);
  const wanted = digest(sourceFiles(), flags, compiler, arch);
  const isBuilt = existsSync(stamp) && existsSync(target);
  if (isBuilt && readFileSync(stamp, "utf8") === wanted) return;
  const startedMs = Date.now();
  await compileAndLink({ compiler, sources: unitsOf(options), flags, target });
  writeFileSync(stamp, wanted);
  console.log(
    `built in ${((Date.now() - startedMs) / 1000).toFixed(1)} s: ${relative(process.cwd(), target)}`,
  );
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildFailure)) throw error;
  console.error(`sightline: ${error.message}`);
  process.exit(1);
}
