import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

/** A package whose code or library is shipped. */
export interface Shipped {
  name: string;
  version: string;
  license: string;
  /** The texts that its licence asks to be passed on. */
  texts: readonly string[];
}

/** What a package's folder says about it. */
export async function shippedFrom(folder: string): Promise<Shipped> {
  const { license, name, version } = JSON.parse(await readFile(join(folder, "package.json"), "utf8")) as {
    name: string;
    version: string;
    license?: string;
  };
  const names = (await readdir(folder))
    .filter((file) => /^(licen[cs]e|notice|thirdparty)/i.test(file))
    .sort();
  const texts = await Promise.all(names.map((file) => readFile(join(folder, file), "utf8")));
  return { name, version, license: license ?? "see its text", texts };
}

const RELINK = `libvips and the libraries inside libvips-cpp.so are under the LGPL. They are a file of their own, which you may replace:
build libvips as https://github.com/lovell/sharp-libvips describes, and put your libvips-cpp.so in place of the one below
/usr/lib/sightline/app/node_modules/@img/. The text of the licence: /usr/share/common-licenses/LGPL-3.
`;

/** One page with the licences of all that is shipped. */
export function noticesPage(shipped: readonly Shipped[]): string {
  const parts = shipped.map(({ license, name, texts, version }) =>
    [`## ${name} ${version} (${license})`, ...texts.map((text) => text.trim())].join("\n\n"),
  );
  return `# Third-party software in Sightline\n\n${RELINK}\n${parts.join("\n\n")}\n`;
}

/** A software bill of materials, CycloneDX 1.5 (ecma-international.org, ECMA-424). */
export function sbom(shipped: readonly Shipped[], version: string): string {
  const components = shipped.map(({ license, name, version: of }) => ({
    type: "library",
    name,
    version: of,
    purl: `pkg:npm/${name.replace("@", "%40")}@${of}`,
    licenses: [/^[\w.+-]+$/.test(license) ? { license: { id: license } } : { license: { name: license } }],
  }));
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.5",
    version: 1,
    metadata: { component: { type: "application", name: "sightline", version } },
    components,
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}
