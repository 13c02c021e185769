import { randomBytes } from "node:crypto";
import type { Clock } from "../../runtime/base/clock.ts";
import type { FrameSource } from "../../runtime/pipeline/frame.ts";
import { ChildSource, type ChildSourceOptions } from "./child-source.ts";
import { type ExecOptions, execLaunch } from "./exec.ts";
import type { FrameMode } from "./frame-buffer.ts";
import { type GstOptions, gstLaunch } from "./gst.ts";
import type { Launch } from "./launch.ts";
import type { Fps } from "./pace.ts";
import { ReplaySource } from "./replay.ts";
import { ReplayVideoSource, VIDEO } from "./replay-video.ts";

interface Supervision {
  mode: FrameMode;
  fps?: number | undefined;
  /** Milliseconds. */
  stall?: number | undefined;
  recover_cmd?: readonly string[] | undefined;
  fault_frames: number;
  sharpness_min?: number | undefined;
}

export interface ReplaySettings {
  source: "replay";
  path?: string | undefined;
  files?: readonly string[] | undefined;
  fps: Fps;
  repeat: "loop" | "once";
}
export type GstSettings = { source: "gst" } & Omit<GstOptions, "realTime"> & Supervision;
export type ExecSettings = { source: "exec" } & ExecOptions & Supervision;

/** A camera as a configuration describes it. */
export type SourceSettings = ReplaySettings | GstSettings | ExecSettings;

interface Deps {
  clock: Clock;
}

interface Place {
  camera: string;
  /** For FIFOs. */
  folder: string;
  /** Frames that may be under way at once, from the thread that reads them to the last pipeline. */
  blocks: number;
}

/** So that the status is there within 2 s. */
const STALL_MIN_MS = 1_800;
const STALL_FRAMES = 5;
/** Longest wait for the first frame: some cameras take seconds to come up. */
const START_LIMIT_MS = 10_000;
const BACKOFF_MS = { min: 1_000, max: 30_000 };
const GRACE_MS = 500;

export function openSource(deps: Deps, place: Place, settings: SourceSettings): FrameSource {
  if (settings.source === "replay") return openReplay(deps, place, settings);
  const isFile = settings.source === "gst" && settings.preset === "file";
  const launch = () =>
    settings.source === "gst" ? gstLaunch(settings, newBoundary()) : execLaunch(settings);
  return childSource(deps, launch, place, {
    stall: stallOf(settings),
    recoverCommand: settings.recover_cmd,
    atEnd: isFile ? "again" : "fail",
    bringBack: true,
    reader: {
      blocks: place.blocks,
      whenFull: settings.mode === "triggered" ? "lose" : "drop",
      checks: { frames: settings.fault_frames, sharpnessMin: settings.sharpness_min },
    },
  });
}

function openReplay(deps: Deps, place: Place, settings: ReplaySettings): FrameSource {
  const { fps, path, repeat } = settings;
  if (path === undefined || !VIDEO.test(path))
    return new ReplaySource(deps, { camera: place.camera, ...settings });
  const launch = () => gstLaunch({ preset: "file", path, realTime: false }, newBoundary());
  const video = childSource(deps, launch, place, {
    atEnd: repeat === "loop" ? "again" : "end",
    bringBack: false,
    reader: { blocks: place.blocks, whenFull: "wait", checks: { frames: Number.POSITIVE_INFINITY } },
  });
  return new ReplayVideoSource({ clock: deps.clock, video }, { path, fps });
}

type Choices = Pick<ChildSourceOptions, "reader" | "stall" | "recoverCommand" | "atEnd" | "bringBack">;

function childSource(
  { clock }: Deps,
  launch: () => Launch,
  { camera, folder }: Place,
  choices: Choices,
): ChildSource {
  return new ChildSource(
    { clock, launch },
    { camera, folder, backoffMs: BACKOFF_MS, graceMs: GRACE_MS, ...choices },
  );
}

/** Age in milliseconds beyond which a frame is not judged; undefined where silence is no fault. */
export function staleMs(settings: SourceSettings): number | undefined {
  return settings.source === "replay" ? undefined : stallOf(settings)?.stallMs;
}

function stallOf({ fps, mode, stall }: Supervision): ChildSourceOptions["stall"] {
  if (stall === undefined && mode === "triggered") return undefined;
  const stallMs = stall ?? Math.max(STALL_MIN_MS, (STALL_FRAMES * 1000) / (fps ?? Number.POSITIVE_INFINITY));
  return { stallMs, startMs: Math.max(START_LIMIT_MS, stallMs) };
}

/** Nothing that a picture could contain by chance. */
const newBoundary = (): string => `sightline-${randomBytes(8).toString("hex")}`;
