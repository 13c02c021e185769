/**
 * `node test/soak/camera-faults.ts [--rounds 100] [FAULT…]`: the e2e test's faults as often as one likes, a line of
 * JSON a fault. Exit code 1 when a frame was wrong.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type Fault, harm } from "../support/camera-faults.ts";

const FAULTS: readonly Fault[] = ["kill", "end", "freeze", "garbage", "half", "size"];
const { positionals, values } = parseArgs({
  options: { rounds: { type: "string", default: "100" } },
  allowPositionals: true,
});
const chosen = FAULTS.filter((fault) => positionals.length === 0 || positionals.includes(fault));
const folder = await mkdtemp(join(tmpdir(), "sightline-faults-"));
const most = (values: readonly number[]) => Math.round(Math.max(0, ...values));

const reports = await Promise.all(
  chosen.map(async (fault) => {
    const report = await harm(join(folder, fault), fault, Number(values.rounds));
    const { ageMsMax, backAfterMs, codes, stalledAfterMs, wrong, ...counts } = report;
    const times = {
      stalled_ms_max: most(stalledAfterMs),
      back_ms_max: most(backAfterMs),
      age_ms_max: most([ageMsMax]),
    };
    console.log(JSON.stringify({ fault, ...counts, failures: codes.length, ...times, wrong }));
    return report;
  }),
);
await rm(folder, { recursive: true });
process.exitCode = reports.some(({ wrong }) => wrong.length > 0) ? 1 : 0;
