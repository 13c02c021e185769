import { describe, expect, test } from "vitest";
import {
  type GstOptions,
  gstLaunch,
  installHint,
  sourceElements,
  words,
} from "../../../services/camera/gst.ts";

const size = { width: 640, height: 480 };

describe("presets", () => {
  test.each<[string, GstOptions, string]>([
    [
      "usb, pixels",
      { preset: "usb", device: "/dev/v4l/by-id/usb-cam", ...size, fps: 30 },
      "v4l2src device=/dev/v4l/by-id/usb-cam ! video/x-raw,width=640,height=480,framerate=30/1 ! videoconvert",
    ],
    [
      "usb, JPEG as it comes",
      { preset: "usb", ...size, format: "jpeg" },
      "v4l2src device=/dev/video0 ! image/jpeg,width=640,height=480",
    ],
    [
      "picam",
      { preset: "picam", ...size, fps: 29.97 },
      "libcamerasrc ! video/x-raw,width=640,height=480,framerate=29970/1000 ! videoconvert",
    ],
    [
      "jetson-csi",
      { preset: "jetson-csi", device: "1", ...size },
      "nvarguscamerasrc sensor-id=1 ! video/x-raw(memory:NVMM),width=640,height=480 ! nvvidconv ! video/x-raw ! videoconvert",
    ],
    [
      "rtsp",
      { preset: "rtsp", url: "rtsp://cam/1" },
      "rtspsrc location=rtsp://cam/1 protocols=tcp latency=100 drop-on-latency=true ! application/x-rtp,media=video ! decodebin ! videoconvert",
    ],
    ["gige", { preset: "gige", device: "Basler-1" }, "aravissrc camera-name=Basler-1 ! videoconvert"],
    [
      "file, scaled",
      { preset: "file", path: "/a b.mp4", ...size },
      "filesrc location=/a b.mp4 ! decodebin ! videoscale ! video/x-raw,width=640,height=480 ! videoconvert",
    ],
    [
      "test",
      { preset: "test", pattern: "ball", format: "jpeg" },
      "videotestsrc is-live=true pattern=ball ! videoconvert ! jpegenc quality=95",
    ],
  ])("%s", (_, options, elements) => {
    expect(sourceElements(options).join(" ")).toBe(elements);
  });

  test("a value with blanks or a pipeline in it stays one word", () => {
    const path = "/x ! filesink location=/etc/passwd";
    expect(sourceElements({ preset: "file", path })).toContain(`location=${path}`);
  });

  test("end in framed buffers of a format that can be read", () => {
    const { args, command, framesTo, framing } = gstLaunch({ preset: "test" }, "b-1");
    expect([command, framesTo, framing]).toEqual([
      "gst-launch-1.0",
      3,
      { kind: "multipart", boundary: "b-1" },
    ]);
    expect(args.slice(args.indexOf("capsfilter")).join(" ")).toBe(
      "capsfilter name=sightline caps=video/x-raw,format=(string){RGB,BGR,GRAY8,NV12,I420,YUY2} ! multipartmux boundary=b-1 ! fdsink fd=3 sync=false",
    );
    expect(gstLaunch({ preset: "test", format: "nv12", ...size }, "b").args).toContain(
      "caps=video/x-raw,format=NV12,width=640,height=480",
    );
    expect(gstLaunch({ preset: "file", path: "a.mp4" }, "b").args).toContain("sync=true");
  });
});

test("a pipeline's words are those of a shell without its powers", () => {
  expect(words('a location="x y" ! "video/x-raw, width=3" !\n  b $(reboot) `ls` | c')).toEqual([
    "a",
    'location="x y"',
    "!",
    '"video/x-raw, width=3"',
    "!",
    "b",
    "$(reboot)",
    "`ls`",
    "|",
    "c",
  ]);
});

test.each([
  ['WARNING: erroneous pipeline: no element "rtspsrc"', "sudo apt-get install gstreamer1.0-plugins-good"],
  ['WARNING: erroneous pipeline: no element "libcamerasrc"', "sudo apt-get install gstreamer1.0-libcamera"],
  ['WARNING: erroneous pipeline: no element "nvarguscamerasrc"', "JetPack"],
  ['WARNING: erroneous pipeline: no element "foo"', "has the element foo"],
  ["12345: 1: exec: gst-launch-1.0: not found", "sudo apt-get install gstreamer1.0-tools"],
  ["ERROR: from element …: Your GStreamer installation is missing a plug-in.", "gstreamer1.0-libav"],
  ["Additional debug info: no suitable plugins found: Missing decoder: H.264", "gstreamer1.0-libav"],
])("%s: says what to install", (line, hint) => {
  expect(installHint(["Setting pipeline to PAUSED ...", line])).toContain(hint);
});

test("what is no missing part gets no such hint", () => {
  expect(installHint(["ERROR: Could not open resource for reading and writing."])).toBeUndefined();
});
