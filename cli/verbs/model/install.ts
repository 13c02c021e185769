import { resolve } from "node:path";
import { type Installed, install as installBundle } from "../../../models/store/install.ts";
import { openSource } from "../../../models/store/open-source.ts";
import { formatBytes } from "../../../runtime/base/units.ts";
import { parseVerbArgs, requirePositionals, type Verb } from "../../verb.ts";
import { STORE_OPTION, storeOf } from "./store-option.ts";

export const install: Verb = {
  name: "install",
  summary: "install a packed bundle and make it the current version",
  usage: "model install FOLDER|FILE.tar [--store DIR]",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(install, args, STORE_OPTION);
    const [place = ""] = requirePositionals(install, ["FOLDER|FILE.tar"], positionals);
    const source = await openSource(resolve(context.cwd, place));
    try {
      context.out(installedText(await installBundle(storeOf(values, context), source)));
    } finally {
      await source.close();
    }
    return 0;
  },
};

export function installedText({ name, version, addedBytes, signedBy, wasCurrent }: Installed): string {
  const what = wasCurrent ? "was already installed" : "is installed";
  const by = signedBy ? `signed by ${signedBy}` : "no signature required";
  return `${name} ${version} ${what}, ${formatBytes(addedBytes)} added, ${by}`;
}
