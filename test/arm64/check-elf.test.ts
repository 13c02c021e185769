import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { checkElf } from "../../deploy/check-elf.ts";
import { runSync } from "../support/child-processes.ts";
import { tempFolder } from "../support/temp-folder.ts";

const addon = (arch: string): string =>
  fileURLToPath(new URL(`../../runtime/native/build/linux-${arch}/sightline.node`, import.meta.url));

/** A library with these lines in namespace sightline, as the addon is linked but for the list of exports. */
async function library(compiler: string, ...lines: string[]): Promise<string> {
  const folder = await tempFolder();
  const [source, output] = [join(folder, "tiny.cc"), join(folder, "tiny.so")];
  await writeFile(source, ["namespace sightline {", ...lines, "}", ""].join("\n"));
  const flags = ["-O2", "-shared", "-fPIC", "-fvisibility=hidden", "-Wno-psabi"];
  runSync(compiler, [...flags, source, "-o", output], { stdio: "pipe" });
  return output;
}

const armLibrary = (...lines: string[]): Promise<string> => library("aarch64-linux-gnu-g++", ...lines);

/** A function of that name and those features whose body is one instruction. */
const oneInstruction = (name: string, arch: string, instruction: string): string =>
  `__attribute__((used, target("arch=${arch}"))) void ${name}() { asm("${instruction}"); }`;

test.each(["arm64", "x64"])("the addon for %s passes", (arch) => {
  expect(checkElf(addon(arch))).toEqual([]);
});

test.each([
  ["a dot product", "armv8.2-a+dotprod", "sdot v0.4s, v1.16b, v2.16b"],
  ["arithmetic in halves", "armv8.2-a+fp16", "fadd v0.8h, v0.8h, v0.8h"],
  ["a mixed dot product", "armv8.6-a+i8mm", "usdot v0.4s, v0.16b, v1.16b"],
  ["SVE", "armv8.2-a+sve", "cntb x0"],
  ["cryptography", "armv8-a+crypto", "aesmc v0.16b, v0.16b"],
  ["an atomic that nobody asked the CPU about", "armv8.1-a", "ldaddal w2, w0, [x0]"],
])("%s in code for every board is found, and the function named", async (_, arch, instruction) => {
  const file = await armLibrary("namespace neon {", oneInstruction("Stray", arch, instruction), "}");
  expect(checkElf(file)).toEqual([`sightline::neon::Stray() uses ${instruction}, which armv8-a has not`]);
});

test("each namespace may use what its name says, and no more", async () => {
  const sdot = "sdot v0.4s, v1.16b, v2.16b";
  const usdot = "usdot v0.4s, v0.16b, v1.16b";
  const fadd = "fadd h0, h1, h2";
  const file = await armLibrary(
    ...["namespace neon_dotprod {", oneInstruction("Fine", "armv8.2-a+dotprod", sdot)],
    ...[oneInstruction("Newer", "armv8.6-a+i8mm", usdot), "}"],
    ...["namespace neon_fp16 {", oneInstruction("Fine", "armv8.2-a+fp16", fadd), "}"],
    ...["namespace neon_dotprod_helpers {", oneInstruction("Outside", "armv8.2-a+dotprod", sdot), "}"],
    // ARMv8.0 converts between halves and floats; it only does not calculate with them.
    oneInstruction("Widens", "armv8-a", "fcvtl v0.4s, v1.4h"),
  );
  expect(checkElf(file).sort()).toEqual([
    `sightline::neon_dotprod::Newer() uses ${usdot}, which armv8.2-a+dotprod has not`,
    `sightline::neon_dotprod_helpers::Outside() uses ${sdot}, which armv8-a has not`,
  ]);
});

test("a symbol of a newer glibc is found, and one that others could see", async () => {
  const file = await armLibrary(
    'extern "C" void* dlopen(const char*, int);',
    '__attribute__((visibility("default"))) void* Open() { return dlopen("", 1); }',
  );
  expect(checkElf(file)).toEqual([
    "sightline::Open() is visible to other libraries",
    "dlopen needs GLIBC_2.34; boards have GLIBC_2.28",
  ]);
});

test("AVX outside its namespace is found", async () => {
  const avx = '__attribute__((used, target("avx2"))) void Adds() { asm("vpaddd %ymm1,%ymm2,%ymm3"); }';
  const file = await library(
    "x86_64-linux-gnu-g++",
    ...["namespace avx2 {", avx, "}"],
    ...["namespace generic {", avx, "}"],
  );
  expect(checkElf(file)).toEqual([
    "sightline::generic::Adds() uses vpaddd %ymm1,%ymm2,%ymm3, which not every x64 CPU has",
  ]);
});
