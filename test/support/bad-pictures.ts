import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import type { ErrorCode } from "../../runtime/base/errors.ts";
import { SAMPLES } from "./daemon-process.ts";

export const BOARD = join(SAMPLES, "00041207.jpg");

/** Paths of one good picture at each end and of every kind of bad one between, with the error that each deserves. */
export async function badPictures(folder: string): Promise<{ file: string; code: ErrorCode | null }[]> {
  const board = await readFile(BOARD);
  const dot = { width: 1, height: 1, channels: 3, background: "#000" } as const;
  await mkdir(join(folder, "folder.jpg"));
  await writeFile(join(folder, "empty.jpg"), "");
  await writeFile(join(folder, "text.jpg"), "not a picture at all\n".repeat(50));
  await writeFile(join(folder, "truncated.jpg"), board.subarray(0, board.length >> 1));
  await sharp({ create: dot }).png().toFile(join(folder, "tiny.png"));
  await sharp({ limitInputPixels: false, create: { ...dot, width: 20_000, height: 20_000 } })
    .png({ compressionLevel: 1 })
    .toFile(join(folder, "huge.png"));
  await writeFile(join(folder, "board.jpg"), board);
  return [
    { file: BOARD, code: null },
    { file: join(folder, "empty.jpg"), code: "ERR_IMAGE_EMPTY" },
    { file: join(folder, "text.jpg"), code: "ERR_IMAGE_FORMAT" },
    { file: join(folder, "truncated.jpg"), code: "ERR_IMAGE_TRUNCATED" },
    { file: join(folder, "tiny.png"), code: "ERR_IMAGE_SIZE" },
    { file: join(folder, "huge.png"), code: "ERR_IMAGE_SIZE" },
    { file: join(folder, "missing.jpg"), code: "ERR_IMAGE_READ" },
    { file: join(folder, "folder.jpg"), code: "ERR_IMAGE_READ" },
    { file: join(folder, "board.jpg"), code: null },
  ];
}
