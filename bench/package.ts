import { execFileSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { readVersion } from "../cli/version.ts";
import { writeTree } from "../deploy/package/tree.ts";
import { type Bench, cost } from "./bench.ts";
import { coldStart } from "./loader/cold.ts";

const START_SHARE = 1.1;
const INSTALLED_MB = 260;

/** What is installed: how quickly it starts and what it takes, against a plain program with the same model. */
export const packaged: Bench = {
  name: "package",
  async run({ quick }) {
    const folder = await mkdtemp(join(tmpdir(), "sightline-bench-"));
    try {
      await writeTree(folder, process.arch === "arm64" ? "arm64" : "amd64", readVersion());
      const kilobytes = Number.parseInt(execFileSync("du", ["-sk", folder], { encoding: "utf8" }), 10);
      const sightline = [join(folder, "usr/bin/sightline")];
      return [
        ...(await coldStart(quick ? 1 : 7, { sightline, startShare: START_SHARE })),
        cost("installed, without GStreamer", "MB", (kilobytes * 1024) / 1e6, INSTALLED_MB),
      ];
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};
