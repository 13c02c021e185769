/**
 * Bundles the sources into JavaScript that Node runs as it is: no compiler, no type stripping, and a few dozen files
 * instead of a thousand. Each entry keeps its place below the output folder, so that paths within the project hold.
 */
import { cp, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { build, type Plugin } from "esbuild";

export const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** What is started by its path: the command and the threads. */
const ENTRIES = [
  "cli/sightline.mjs",
  "runtime/pipeline/warp-thread.ts",
  "services/camera/reader/thread.ts",
  "services/outbox/writer.ts",
];
/** Packages with native code; they find it beside themselves. */
const EXTERNAL = ["better-sqlite3", "sharp"];
/** Files that the program reads by their path, without what made them. */
const READ = ["config/config.schema.json", "models/zoo"];
const isRead = (path: string): boolean => !path.endsWith(".ts") && !path.endsWith("/recipe");

/**
 * The place of a source file as it was before bundling. esbuild moves code between files, and `import.meta.url` would
 * move with it.
 */
const keepPlaces: Plugin = {
  name: "keep-places",
  setup({ onLoad }) {
    onLoad({ filter: /\.(ts|mjs)$/ }, async ({ path }) => {
      if (path.includes("node_modules")) return undefined;
      const place = JSON.stringify(relative(ROOT, path));
      const text = (await readFile(path, "utf8"))
        .replace(/new URL\("(\.[^"]+)\.ts", import\.meta\.url\)/g, 'new URL("$1.mjs", import.meta.url)')
        .replaceAll("import.meta.url", `new URL(${place}, SIGHTLINE_ROOT).href`);
      return { contents: text, loader: path.endsWith(".ts") ? "ts" : "js" };
    });
  },
};

/** Before every file: where the project begins, and `require` for packages that are not ES modules. */
const BANNER = `import { createRequire as sightlineCreateRequire } from "node:module";
const SIGHTLINE_ROOT = import.meta.url.slice(0, import.meta.url.lastIndexOf("/app/") + 5);
const require = sightlineCreateRequire(SIGHTLINE_ROOT);`;

/**
 * Writes the program to `folder`, whose last part has to be `app`. Gives the names of the packages whose code went in.
 */
export async function bundle(folder: string, version: string): Promise<string[]> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  const { metafile } = await build({
    absWorkingDir: ROOT,
    banner: { js: BANNER },
    bundle: true,
    chunkNames: "chunks/[name]-[hash]",
    entryPoints: ENTRIES,
    external: EXTERNAL,
    format: "esm",
    legalComments: "none",
    logLevel: "error",
    metafile: true,
    // Names stay: a stack trace in a bug report has to tell something.
    minifySyntax: true,
    minifyWhitespace: true,
    outbase: ROOT,
    outdir: folder,
    outExtension: { ".js": ".mjs" },
    platform: "node",
    plugins: [keepPlaces],
    splitting: true,
    target: "node24",
  });
  for (const path of READ) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await cp(join(ROOT, path), join(folder, path), { recursive: true, filter: isRead });
  }
  const manifest = { name: "sightline", version, type: "module", license: "MIT" };
  await writeFile(join(folder, "package.json"), `${JSON.stringify(manifest, undefined, 2)}\n`);
  return packagesIn(Object.keys(metafile.inputs));
}

function packagesIn(files: readonly string[]): string[] {
  const names = files.flatMap((file) => /.*node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  return [...new Set(names)].sort();
}
