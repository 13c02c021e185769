import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import type { BenchCase } from "../../runtime/arm-neon/kernels/bench-case.ts";
import { boundCommand } from "../../runtime/base/bound-command.ts";

const SCRIPT = fileURLToPath(new URL("opencv_peer.py", import.meta.url));
const PYTHON = process.env.SIGHTLINE_PYTHON ?? "python3";

/** Said where the peer is asked for and cannot run. */
export const WITHOUT_OPENCV = `without OpenCV: ${PYTHON} cannot import cv2 and numpy (Debian: apt-get install python3-opencv, or name another Python in SIGHTLINE_PYTHON)`;

export const hasOpencv = (): Promise<boolean> =>
  promisify(execFile)(PYTHON, ["-c", "import cv2, numpy"]).then(
    () => true,
    () => false,
  );

/** OpenCV in a Python of its own, which takes the time itself: nothing of the way there and back is in it. */
export class OpenCv {
  readonly #child: ChildProcess;
  readonly #lines: AsyncIterator<string>;
  readonly #folder: string;

  static async open(): Promise<OpenCv> {
    const opened = new OpenCv(await mkdtemp(join(tmpdir(), "sightline-bench-")));
    await opened.#answer();
    return opened;
  }

  private constructor(folder: string) {
    this.#folder = folder;
    this.#child = spawn(...boundCommand(PYTHON, [SCRIPT]), { stdio: ["pipe", "pipe", "inherit"] });
    if (!this.#child.stdout) throw new Error("OpenCV's process has no output");
    this.#lines = createInterface(this.#child.stdout)[Symbol.asyncIterator]();
  }

  /** Whether it can do what the case does; if so, `ms` times that from now on. */
  async take({ boxes, picture }: BenchCase): Promise<boolean> {
    if (picture) {
      const file = join(this.#folder, "pixels");
      await writeFile(file, picture.pixels);
      const { pixels: _, ...shape } = picture;
      await this.#ask({ work: "picture", file, ...shape });
    } else if (boxes) {
      const { boxes: corners, iouMax, scores } = boxes;
      await this.#ask({ work: "boxes", boxes: [...corners], scores: [...scores], iouMax });
    }
    return picture !== undefined || boxes !== undefined;
  }

  /** Milliseconds of a call, of so many. */
  async ms(calls: number): Promise<number> {
    const { ms } = (await this.#ask({ calls })) as { ms: number };
    return ms;
  }

  async close(): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.stdin?.end();
    await ended;
    await rm(this.#folder, { recursive: true, force: true });
  }

  #ask(question: object): Promise<unknown> {
    this.#child.stdin?.write(`${JSON.stringify(question)}\n`);
    return this.#answer();
  }

  async #answer(): Promise<unknown> {
    const { done, value } = await this.#lines.next();
    if (done) throw new Error("OpenCV's process ended");
    return JSON.parse(value);
  }
}
