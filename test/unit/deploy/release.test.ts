import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { checksums, provenance, releasedChangelog } from "../../../deploy/release.ts";
import { tempFolder } from "../../support/temp-folder.ts";

test("what was not released becomes the release, and what was stays", () => {
  const text = "# Changelog\n\n## Unreleased\n- new\n\n## 0.1.0 - 2026-01-01\n- old\n";
  const released =
    "# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-02-03\n- new\n\n## 0.1.0 - 2026-01-01\n- old\n";
  expect(releasedChangelog(text, "0.2.0", "2026-02-03")).toBe(released);
  expect(() => releasedChangelog(released, "0.3.0", "2026-02-04")).toThrow("nothing under Unreleased");
});

test("checksums are those of sha256sum, and the provenance names each file and the commit", async () => {
  const folder = await tempFolder();
  for (const name of ["b.tgz", "a.deb", "SHA256SUMS"]) await writeFile(join(folder, name), name);
  const sums = checksums(folder);
  const digest = (text: string) => createHash("sha256").update(text).digest("hex");
  expect(sums).toBe(`${digest("a.deb")}  a.deb\n${digest("b.tgz")}  b.tgz\n`);
  expect(JSON.parse(provenance(sums, { commit: "c0ffee", version: "0.2.0" }))).toMatchObject({
    subject: [{ name: "a.deb", digest: { sha256: digest("a.deb") } }, { name: "b.tgz" }],
    predicate: { buildDefinition: { resolvedDependencies: [{ digest: { gitCommit: "c0ffee" } }] } },
  });
});
