import { writeFile } from "node:fs/promises";
import { resolve } from "node:path";
import { openSource } from "../../../models/store/open-source.ts";
import { formatBytes } from "../../../runtime/base/units.ts";
import { makeDelta } from "../../../toolchain/delta/make-delta.ts";
import { writeOut } from "../../../toolchain/pack/write-out.ts";
import { parseVerbArgs, requirePositionals, usageError, type Verb } from "../../verb.ts";

export const delta: Verb = {
  name: "delta",
  summary: "write the difference between two packed bundles",
  usage: "model delta OLD NEW -o FILE",
  async run(args, context) {
    const { values, positionals } = parseVerbArgs(delta, args, { out: { type: "string", short: "o" } });
    const [old = "", next = ""] = requirePositionals(delta, ["OLD", "NEW"], positionals);
    if (values.out === undefined) throw usageError(delta, "-o is missing");
    const pieces = await deltaOf(resolve(context.cwd, old), resolve(context.cwd, next));
    await writeOut(resolve(context.cwd, values.out), (temporary) =>
      writeFile(temporary, pieces, { flag: "wx" }),
    );
    const bytes = pieces.reduce((sum, piece) => sum + piece.length, 0);
    context.out(`Wrote ${values.out}, ${formatBytes(bytes)}`);
    return 0;
  },
};

async function deltaOf(old: string, next: string): Promise<Buffer[]> {
  const sources = [await openSource(old), await openSource(next)] as const;
  try {
    return [...(await makeDelta(...sources))];
  } finally {
    for (const source of sources) await source.close();
  }
}
