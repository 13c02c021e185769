// What tiling is worth: the shipped detector on mosaics of labelled boards, tile by tile and in one look, against the
// single boards that the mosaics are made of. Where two boards touch, a mosaic shows broken traces that no board has, and
// the detector reports them: the figures count what lies within 8 pixels of such a joint only where they say so. No
// labelled defect lies there.
//   node models/zoo/pcb-aoi/evaluate-tiling.ts DIR [SIDE]     DIR as for evaluate.ts; SIDE boards a row, 4 if left out

import { readdir, readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, join } from "node:path";
import { systemClock as clock } from "../../../runtime/base/clock.ts";
import { openKernels } from "../../../runtime/native/index.ts";
import { freeAdmission } from "../../../runtime/pipeline/admission.ts";
import { type Box, centreOf, type Detection } from "../../../runtime/pipeline/detection.ts";
import type { Size } from "../../../runtime/pipeline/fit.ts";
import type { RawPicture } from "../../../runtime/pipeline/frame.ts";
import { inspect } from "../../../runtime/pipeline/inspect.ts";
import { openModel } from "../../../runtime/pipeline/open-model.ts";
import { detectStage, type TileOptions } from "../../../runtime/pipeline/stages/detect.ts";
import type { LookingStage } from "../../../runtime/pipeline/stages/stage.ts";
import { decodePixels } from "../../../runtime/pipeline/still-image.ts";
import type { VisionModel } from "../../../runtime/pipeline/vision-model.ts";
import { CpuExecutionProvider } from "../../../runtime/session/cpu-provider.ts";
import { match, type Scored, scoreTable, type Truth } from "../../../toolchain/quantize/score/detections.ts";
import { parseBoxes } from "../../../toolchain/quantize/score/labels.ts";
import { IOU_MIN, LABELS } from "./labels.ts";

interface Sample {
  picture: RawPicture;
  truths: Truth[];
  /** Size of the boards that it is made of. */
  board: Size;
}

export interface Figures {
  /** Mean AP. */
  single: number;
  /** In one look, shrunk to the model's input. */
  shrunk: number;
  nms: number;
  fuse: number;
  fuseWithJoints: number;
  /** Milliseconds a mosaic, looking tile by tile. */
  tiledMs: number;
  /** Without overlap, where tiles happen to be boards: the same pixels, so the same figure as `single`. */
  aligned: number;
  mosaics: number;
}

const OVERLAP_PX = 96;
const JOINT_PX = 8;

/** `side` × `side` boards a mosaic; boards that fill none are left out. */
export async function evaluateTiling(folder: string, side: number): Promise<Figures> {
  const provider = new CpuExecutionProvider({ slots: availableParallelism(), intraOpThreads: 1 });
  provider.start();
  try {
    const runsPerFrame = provider.slots + 1;
    const { model } = await openModel(
      { provider, kernels: openKernels(), clock },
      { folder: import.meta.dirname, runLimitMs: 60_000, inFlight: runsPerFrame },
    );
    const boards = await readBoards(folder);
    const whole = boards.slice(0, boards.length - (boards.length % side ** 2));
    const mosaics = Array.from({ length: whole.length / side ** 2 }, (_, i) =>
      mosaic(whole.slice(i * side ** 2, (i + 1) * side ** 2), side),
    );
    const by = (tile?: TileOptions) => detect(model, runsPerFrame, tile);
    const begunMs = performance.now();
    const fuse = await score(by({ overlap_px: OVERLAP_PX, merge: "fuse" }), mosaics, JOINT_PX);
    const tiledMs = (performance.now() - begunMs) / mosaics.length;
    return {
      single: await score(by(), whole, JOINT_PX),
      shrunk: await score(by(), mosaics, JOINT_PX),
      nms: await score(by({ overlap_px: OVERLAP_PX, merge: "nms" }), mosaics, JOINT_PX),
      aligned: await score(by({ overlap_px: 0, merge: "nms" }), mosaics, JOINT_PX),
      fuse,
      fuseWithJoints: await score(by({ overlap_px: OVERLAP_PX, merge: "fuse" }), mosaics, 0),
      tiledMs,
      mosaics: mosaics.length,
    };
  } finally {
    await provider.close();
  }
}

const detect = (model: VisionModel, runsPerFrame: number, tile: TileOptions | undefined): LookingStage =>
  detectStage({ modelOf: () => model, runsPerFrame, clock }, { min_score: 0.02, tile });

/** Mean AP, without what lies closer than `jointPx` to the edge of a board. */
async function score(stage: LookingStage, samples: readonly Sample[], jointPx: number): Promise<number> {
  const scored: Scored[] = [];
  for (const { board, picture, truths } of samples) {
    const found = await look(stage, picture);
    scored.push(
      ...match(
        found.filter(({ box }) => distanceToJoint(box, board) >= jointPx),
        truths,
        IOU_MIN,
      ),
    );
  }
  const truths = samples.flatMap((sample) => sample.truths);
  return scoreTable(LABELS, scored, truths).all?.ap ?? Number.NaN;
}

function distanceToJoint(box: Box, { height, width }: Size): number {
  const [x, y] = centreOf(box);
  return Math.min(x % width, width - (x % width), y % height, height - (y % height));
}

async function look(stage: LookingStage, picture: RawPicture): Promise<readonly Detection[]> {
  const frame = {
    id: 1,
    camera: "mosaic",
    capturedAtNs: clock.nowNs(),
    capturedAtMs: clock.wallMs(),
    picture,
    dropsBefore: 0,
    origin: undefined,
    lost: undefined,
    release: () => {},
  };
  const { detections, error } = await inspect(
    { stages: [stage], clock },
    { frame, admission: freeAdmission },
    {},
  );
  if (error) throw error;
  return detections;
}

async function readBoards(folder: string): Promise<Sample[]> {
  const names = (await readdir(join(folder, "images"))).sort();
  return Promise.all(
    names.map(async (name) => {
      const picture = await decodePixels(await readFile(join(folder, "images", name)));
      const labels = join(folder, "labels", `${basename(name, ".jpg")}.txt`);
      return { picture, board: picture, truths: parseBoxes(await readFile(labels, "utf8"), LABELS) };
    }),
  );
}

/** Boards of one size, row by row, in colour because some are. */
function mosaic(boards: readonly Sample[], side: number): Sample {
  const { height, width } = boards[0]?.board ?? { width: 0, height: 0 };
  const stride = width * side * 3;
  const bytes = new Uint8Array(stride * height * side);
  const truths: Truth[] = [];
  boards.forEach(({ picture, truths: own }, i) => {
    const [left, top] = [(i % side) * width, Math.floor(i / side) * height];
    const row = width * (picture.format === "gray8" ? 1 : 3);
    for (let y = 0; y < height; y++) {
      const pixels = picture.bytes.subarray(y * row, (y + 1) * row);
      bytes.set(picture.format === "gray8" ? tripled(pixels) : pixels, (top + y) * stride + left * 3);
    }
    for (const { box, label } of own) truths.push({ label, box: moved(box, left, top) });
  });
  const size = { width: width * side, height: height * side };
  const picture = {
    encoding: "raw",
    format: "rgb24",
    ...size,
    planes: [{ offset: 0, stride }],
    bytes,
  } as const;
  return { picture, board: { width, height }, truths };
}

const tripled = (grey: Uint8Array): Uint8Array =>
  Uint8Array.from({ length: grey.length * 3 }, (_, i) => grey[Math.floor(i / 3)] ?? 0);

const moved = ([x1, y1, x2, y2]: Box, dx: number, dy: number): Box => [x1 + dx, y1 + dy, x2 + dx, y2 + dy];

if (import.meta.main) {
  const [folder, side = "4"] = process.argv.slice(2);
  if (!folder) throw new Error("usage: node models/zoo/pcb-aoi/evaluate-tiling.ts DIR [SIDE]");
  const { aligned, fuse, fuseWithJoints, mosaics, nms, shrunk, single, tiledMs } = await evaluateTiling(
    folder,
    Number(side),
  );
  console.log(`mean AP of ${mosaics} mosaics of ${side}×${side} boards`);
  console.log(`single boards      ${single.toFixed(4)}`);
  console.log(`tiled, fuse        ${fuse.toFixed(4)}   ${tiledMs.toFixed(0)} ms a mosaic`);
  console.log(`  and the joints   ${fuseWithJoints.toFixed(4)}`);
  console.log(`tiled, nms         ${nms.toFixed(4)}`);
  console.log(`tiles = boards     ${aligned.toFixed(4)}`);
  console.log(`shrunk, one look   ${shrunk.toFixed(4)}`);
}
