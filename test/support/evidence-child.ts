/** Writes pictures of one kind after the other until it is killed: `node evidence-child.ts FOLDER`. */
import { join } from "node:path";
import { makeFolder } from "../../runtime/base/make-folder.ts";
import { writeWhole } from "../../services/evidence/write-file.ts";

const folder = process.argv[2] ?? "";
const temporary = join(folder, ".tmp");
makeFolder(temporary);
for (let n = 0; ; n++) {
  // Large enough that a kill in the middle of the write would be seen.
  const content = new Uint8Array(1_000_000).fill(n % 251);
  await writeWhole(join(folder, String(n), "picture.bin"), content, { temporary, durable: n % 2 === 0 });
  if (n === 3) process.stdout.write("writing\n");
}
