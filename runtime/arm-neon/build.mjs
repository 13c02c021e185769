/**
 * Builds the native addon for this machine with a plain compiler call: no generator, no download.
 * `node build.mjs [--sanitize]` → build/linux-<arch>[-asan]/sightline.node; does nothing when sources, flags
 * and compiler name are unchanged. Plain JavaScript for Node 18, because `npm ci` may run it on an older Node.
 * To test the sanitized build, put its folder in the place of the plain one and preload libasan.so.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { availableParallelism } from "node:os";
import { delimiter, dirname, extname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";

const here = dirname(fileURLToPath(import.meta.url));
const run = promisify(execFile);

class BuildFailure extends Error {}

const packageFolder = (name) => dirname(createRequire(import.meta.url).resolve(`${name}/package.json`));

/** Every file below the addon's folder that the compiler or the linker reads, sorted. */
function sourceFiles(folder = here) {
  return readdirSync(folder, { withFileTypes: true })
    .filter((entry) => entry.name !== "build")
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return sourceFiles(path);
      return [".cc", ".h", ".inc", ".map"].includes(extname(path)) ? [path] : [];
    })
    .sort();
}

function compilerPath() {
  const names = process.env.CXX ? [process.env.CXX] : ["c++", "g++", "clang++"];
  const folders = ["", ...(process.env.PATH ?? "").split(delimiter).filter(Boolean)];
  for (const name of names) {
    const path = folders.map((folder) => (folder ? join(folder, name) : name)).find((p) => existsSync(p));
    if (path) return path;
  }
  throw new BuildFailure(
    `no C++ compiler found (looked for ${names.join(", ")}). Install one (Debian: apt-get install g++) and run: npm run build:native`,
  );
}

function settings(sanitize) {
  const include = join(packageFolder("node-addon-api"));
  const headers = join(packageFolder("node-api-headers"), "include");
  const asan = sanitize ? ["-fsanitize=address", "-fno-omit-frame-pointer", "-g"] : [];
  return {
    compile: [
      ...["-std=c++17", "-O2", "-fPIC", "-pthread", "-Wall", "-Wextra", "-Werror"],
      ...["-fno-exceptions", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections"],
      // A fused multiply-add would make kernels differ between machines, and from their twins in the tests.
      "-ffp-contract=off",
      ...["-DNAPI_VERSION=8", "-DNAPI_DISABLE_CPP_EXCEPTIONS", "-DNODE_ADDON_API_DISABLE_DEPRECATED"],
      // While a worker is being ended every call into JavaScript fails, and that is no reason to abort.
      "-DNODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS",
      ...["-isystem", include, "-isystem", headers, "-I", here],
      ...asan,
    ],
    // Hot loops only: at -O2 gcc does not vectorise interleaved channels.
    kernels: ["-O3"],
    link: [
      ...["-shared", "-pthread", "-Wl,--gc-sections", `-Wl,--version-script=${join(here, "exports.map")}`],
      // Never unmapped: a worker that loaded it may end while another thread still runs its code.
      "-Wl,-z,nodelete",
      ...(sanitize ? asan : ["-s"]),
      "-ldl",
    ],
  };
}

function digest(files, flags, compiler) {
  const hash = createHash("sha256").update(JSON.stringify([flags, compiler, process.arch]));
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

async function compileAndLink({ compiler, files, flags, output }) {
  const objects = join(output, "objects");
  mkdirSync(objects, { recursive: true });
  const units = files
    .filter((file) => extname(file) === ".cc" && !/workloads?\.cc$/.test(file))
    .map((file) => ({ file, object: join(objects, `${relative(here, file).replaceAll("/", "_")}.o`) }));
  await inParallel(
    units.map(({ file, object }) => () => {
      const extra = file.includes("/kernels/") ? flags.kernels : [];
      return call(compiler, [...flags.compile, ...extra, "-c", file, "-o", object], relative(here, file));
    }),
  );
  const fresh = join(output, `sightline.${process.pid}.tmp`);
  await call(compiler, [...units.map((unit) => unit.object), ...flags.link, "-o", fresh], "linking");
  // Renamed into place: a process that runs the old build keeps its own copy.
  renameSync(fresh, join(output, "sightline.node"));
}

async function main() {
  if (process.platform !== "linux") throw new BuildFailure("the addon is built on Linux only");
  const sanitize = process.argv.includes("--sanitize");
  const output = join(here, "build", `linux-${process.arch}${sanitize ? "-asan" : ""}`);
  const stamp = join(output, "digest");
  const built = existsSync(stamp) && existsSync(join(output, "sightline.node"));
  const files = sourceFiles();
  const flags = settings(sanitize);
  const compiler = compilerPath();
  const wanted = digest(files, flags, compiler);
  if (built && readFileSync(stamp, "utf8") === wanted) return;
  const startedMs = Date.now();
  await compileAndLink({ compiler, files, flags, output });
  writeFileSync(stamp, wanted);
  console.log(`native addon built in ${((Date.now() - startedMs) / 1000).toFixed(1)} s: ${output}`);
}

try {
  await main();
} catch (error) {
  if (!(error instanceof BuildFailure)) throw error;
  console.error(`sightline: ${error.message}`);
  process.exit(1);
}
