import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { exampleConfig } from "../../config/example.ts";
import { bundle, ROOT } from "./bundle.ts";
import { bashCompletion, describedVerbs, manPage } from "./command-line.ts";
import { type Arch, copyNatives, copyNode, packageFolder } from "./natives.ts";
import { noticesPage, sbom, shippedFrom } from "./notices.ts";

const LIB = "usr/lib/sightline";
const DOC = "usr/share/doc/sightline";
const UNITS = "usr/lib/systemd/system";
const DEBIAN = join(ROOT, "deploy/package/debian");

/** Everything that is installed, below `folder` as below `/`. */
export async function writeTree(folder: string, arch: Arch, version: string): Promise<void> {
  const app = join(folder, LIB, "app");
  const names = await bundle(app, version);
  const native = await copyNatives(app, arch);
  const node = await copyNode(join(folder, LIB, "bin/node"), arch);
  const folders = [...names.map(packageFolder), ...native, node];
  const shipped = await Promise.all([...new Set(folders)].sort().map(shippedFrom));
  const write = (path: string, content: string | Uint8Array, mode = 0o644) =>
    put(join(folder, path), content, mode);

  await write("usr/bin/sightline", await readFile(join(DEBIAN, "launcher")), 0o755);
  await write("etc/sightline/sightline.yaml", serviceConfig());
  const unit = await readFile(join(DEBIAN, "sightline.service"), "utf8");
  await write(`${UNITS}/sightline.service`, unit);
  await write(`${UNITS}/sightline@.service`, instanceUnit(unit));
  await write(`${UNITS}/sightline.slice`, await readFile(join(DEBIAN, "sightline.slice")));
  await write("usr/lib/sysusers.d/sightline.conf", await readFile(join(DEBIAN, "sightline.sysusers")));
  for (const board of ["jetson", "raspberrypi"]) {
    await write(`${LIB}/board/${board}.conf`, await readFile(join(DEBIAN, `${board}.conf`)));
  }
  const described = await describedVerbs();
  await write("usr/share/bash-completion/completions/sightline", bashCompletion(described));
  await write("usr/share/man/man1/sightline.1.gz", zipped(manPage(described, version)));
  await write(`${DOC}/copyright`, await readFile(join(ROOT, "LICENSE")));
  await write(`${DOC}/third-party.md.gz`, zipped(noticesPage(shipped)));
  await write(`${DOC}/sbom.cdx.json`, sbom(shipped, version));
  await write(`${DOC}/changelog.gz`, zipped(await readFile(join(ROOT, "CHANGELOG.md"))));
  for (const page of await readdir(join(ROOT, "docs"))) {
    if (page.endsWith(".md") && page !== "hacking.md")
      await write(`${DOC}/${page}`, await readFile(join(ROOT, "docs", page)));
  }
}

async function put(path: string, content: string | Uint8Array, mode: number): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, content, { mode });
}

/** The same text gives the same bytes: no time and no name go in. */
const zipped = (text: string | Uint8Array): Buffer => gzipSync(text, { level: 9 });

/** What the service starts with: pictures that are shipped, so that it shows at once that it works. */
function serviceConfig(): string {
  const zoo = `/${LIB}/app/models/zoo/pcb-aoi`;
  return exampleConfig({
    bundle: zoo,
    images: `${zoo}/samples/images`,
    schemaUrl: `file:///${LIB}/app/config/config.schema.json`,
    store: "/var/lib/sightline/data",
    fps: 1,
  });
}

/** `sightline@NAME`: an instance with a configuration, a user and a store of its own. */
function instanceUnit(unit: string): string {
  return unit
    .replace("Description=Sightline visual inspection", "Description=Sightline visual inspection, %i")
    .replaceAll("/etc/sightline/sightline.yaml", "/etc/sightline/%i.yaml")
    .replace("User=sightline\nGroup=sightline\n", "DynamicUser=yes\nUser=sightline-%i\n")
    .replace("StateDirectory=sightline", "StateDirectory=sightline-%i")
    .replace("CacheDirectory=sightline", "CacheDirectory=sightline-%i")
    .replace("WorkingDirectory=/var/lib/sightline", "WorkingDirectory=/var/lib/sightline-%i")
    .replaceAll(":sightline.", ":sightline-%i.");
}

/** Removes what a build before left, and gives an empty folder. */
export async function emptied(folder: string): Promise<string> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder, { recursive: true });
  return folder;
}
