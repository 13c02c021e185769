import { join } from "node:path";
import type { Config } from "../../config/schema/schema.ts";
import type { Clock } from "../../runtime/base/clock.ts";
import type { Logger } from "../../runtime/base/logger.ts";
import type { FrameSource, Picture } from "../../runtime/pipeline/frame.ts";
import { Camera } from "../camera/camera.ts";
import { openSource, staleMs } from "../camera/open-source.ts";
import { PushSource } from "../camera/push-source.ts";
import type { CameraEvent } from "../camera/report.ts";
import { preview } from "../evidence/annotate.ts";
import { LiveView, type Shown } from "../http/live-view.ts";
import type { LineSource } from "../line/line.ts";
import type { StoredResult } from "../line/recorder.ts";
import { type FrameMessage, FrameSubscription } from "../mqtt/frame-subscription.ts";
import type { BrokerLink } from "./broker-link.ts";

/** What a camera of the configuration is made of; with another one it is made anew. */
export interface CameraSpec {
  camera: Config["cameras"][string];
  /** Of cameras whose frames come from a topic. */
  broker: (BrokerLink & { clientId: string }) | undefined;
}

export interface CameraContext {
  id: string;
  clock: Clock;
  logger: Logger;
  /** Sets one of the device's topics. */
  setState(topic: string, payload: object | string): void;
  storePath: string;
  /** Frames of a pipeline between capture and decision at once. */
  inFlight: number;
  /** Free-running cameras have only one frame in this many judged. */
  judgesEvery(): number;
  /** Pipelines that watch the camera now. */
  pipelines: number;
}

/** A camera as its line and the HTTP server use it. */
export interface DeviceCamera extends LineSource {
  camera: Camera;
  /** Where frames are posted, of a camera that waits for them. */
  inlet: PushSource<StoredResult> | undefined;
  live: LiveView | undefined;
}

type Pushed = Extract<Config["cameras"][string], { source: "http" | "mqtt" }>;
type Opened = Exclude<Config["cameras"][string], Pushed>;

const SPARE_BLOCKS = 3;
/** A frame that was pushed and waits for its verdict is a few words once its picture is judged. */
const PUSHED_MAX = 512;
const DRAIN_LIMIT_MS = 5_000;

/** The camera of a line. Errors: ERR_CONFIG_*. */
export function lineSource({ broker, camera }: CameraSpec, context: CameraContext): DeviceCamera {
  const { id, logger, pipelines } = context;
  const pushed = isPushed(camera)
    ? new PushSource<StoredResult>(context, { camera: id, pendingMax: PUSHED_MAX })
    : undefined;
  const source = isPushed(camera) ? undefined : openedSource(camera, context);
  return {
    camera: cameraOf(camera, (pushed ?? source) as FrameSource, context),
    // Frames of a pushed camera are the sender's memory, those of others blocks that were sized for their pipelines.
    pipelinesMax: pushed ? Number.POSITIVE_INFINITY : pipelines,
    senders: pushed,
    inlet: camera.source === "http" ? pushed : undefined,
    intake:
      camera.source === "mqtt" && pushed && broker
        ? subscription(camera, pushed, { broker, context })
        : undefined,
    live: pipelines > 0 ? new LiveView({ encode, logger: logger.child({ camera: id }) }) : undefined,
  };
}

/** Whether others hand over the camera's frames. */
const isPushed = (camera: Config["cameras"][string]): camera is Pushed =>
  camera.source === "http" || camera.source === "mqtt";

const encode = ({ detections, source }: Shown, picture: Picture, drawn: boolean) =>
  preview(picture, source, drawn ? detections : []);

function cameraOf(
  options: Config["cameras"][string],
  source: FrameSource,
  { clock, id, judgesEvery, logger, setState }: CameraContext,
): Camera {
  const onStatus = (status: string) => {
    logger.info({ camera: id, status }, "camera");
    setState(`camera/${id}/status`, status);
  };
  const onEvent = (event: CameraEvent) => {
    const ts = new Date(clock.wallMs()).toISOString();
    logger.warn({ camera: id, ...event }, "camera");
    setState(`camera/${id}/event`, { ts, ...event });
  };
  return new Camera(
    { clock, logger, source, onStatus, onEvent },
    {
      id,
      // The broker hands over no more frames than fit, and each has to be answered.
      mode: options.source === "mqtt" ? "triggered" : options.mode,
      buffer: options.buffer,
      staleMs: isPushed(options) ? undefined : staleMs(options),
      every: isPushed(options) ? undefined : judgesEvery,
    },
  );
}

function openedSource(camera: Opened, context: CameraContext): FrameSource {
  const { id, inFlight, pipelines, storePath } = context;
  // One each that waits or is in work, and some for the time that the main thread needs to fetch them.
  const blocks = Math.max(1, pipelines) * (camera.buffer + inFlight) + SPARE_BLOCKS;
  return openSource(context, { camera: id, folder: join(storePath, "fifo"), blocks }, camera);
}

function subscription(
  { buffer: window, group, topic }: Extract<Pushed, { source: "mqtt" }>,
  pushed: PushSource<StoredResult>,
  { broker, context }: { broker: BrokerLink & { clientId: string }; context: CameraContext },
): LineSource["intake"] {
  const { clock, id, logger } = context;
  const judge = async (frame: FrameMessage) => {
    const answers = await pushed.push(frame);
    return answers.every((answer) => "results" in answer);
  };
  const frames = new FrameSubscription(
    { judge, clock, logger: logger.child({ camera: id }) },
    { ...broker, clientId: `${broker.clientId}-${id}`, topic, group, window },
  );
  return { start: () => frames.start(), stop: () => frames.stop({ limitMs: DRAIN_LIMIT_MS }) };
}
