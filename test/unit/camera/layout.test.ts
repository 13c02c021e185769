import { expect, test } from "vitest";
import { capsOfLine } from "../../../services/camera/caps.ts";
import { gstLayout, lumaOf, packedLayout, type RawFormat } from "../../../services/camera/layout.ts";

test.each<[RawFormat, number, number, number]>([
  ["rgb", 642, 480, 925_440],
  ["bgr", 1, 1, 4],
  ["gray8", 641, 481, 309_764],
  ["nv12", 642, 482, 465_612],
  ["nv12", 33, 17, 36 * 18 + 36 * 9],
  ["i420", 33, 17, 36 * 18 + 2 * 20 * 9],
  ["yuy2", 33, 17, 1_156],
  ["nv12", 1920, 1080, 3_110_400],
])("a frame of %s with %i×%i pixels from GStreamer has %i bytes", (format, width, height, bytes) => {
  expect(gstLayout({ format, width, height }).bytes).toBe(bytes);
});

test.each<[RawFormat, number, number, number | undefined, number]>([
  ["rgb", 33, 17, undefined, 33 * 17 * 3],
  ["nv12", 33, 17, undefined, 33 * 17 + 34 * 9],
  ["i420", 33, 17, undefined, 33 * 17 + 2 * 17 * 9],
  ["i420", 1456, 1088, 1472, 1472 * 1088 + 2 * 736 * 544],
  ["gray8", 100, 10, 128, 1_280],
])(
  "a packed frame of %s with %i×%i pixels and a stride of %s has %i bytes",
  (format, width, height, stride, bytes) => {
    expect(packedLayout({ format, width, height }, stride).bytes).toBe(bytes);
  },
);

test("brightness is luma, or the green of colours", () => {
  const at = (format: RawFormat) => lumaOf(gstLayout({ format, width: 10, height: 10 }));
  expect(at("rgb")).toEqual({ offset: 1, step: 3, stride: 32, width: 10, height: 10 });
  expect(at("yuy2")).toMatchObject({ offset: 0, step: 2 });
  expect(at("nv12")).toMatchObject({ offset: 0, step: 1, stride: 12 });
});

const PAD = "/GstPipeline:pipeline0/GstCapsFilter:sightline.GstPad:src: caps = ";

test("GStreamer's caps are read from the line that it prints", () => {
  const raw = `${PAD}video/x-raw, format=(string)NV12, width=(int)642, height=(int)482, framerate=(fraction)30/1`;
  expect(capsOfLine(raw)).toEqual({
    encoding: "raw",
    layout: gstLayout({ format: "nv12", width: 642, height: 482 }),
    colors: {},
  });
  const colors = (colorimetry: string) => capsOfLine(`${raw}, colorimetry=(string)${colorimetry}`);
  expect(colors("bt709")).toMatchObject({ colors: { matrix: "bt709", range: "limited" } });
  expect(colors("1:4:0:0")).toMatchObject({ colors: { matrix: "bt601", range: "full" } });
  expect(colors("2:3:5:1")).toMatchObject({ colors: { matrix: "bt709", range: "limited" } });
  expect(capsOfLine(`${PAD}image/jpeg, width=(int)320, height=(int)240`)).toEqual({ encoding: "still" });
  expect(
    capsOfLine(`${PAD}video/x-raw, format=(string)P010_10LE, width=(int)8, height=(int)8`),
  ).toMatchObject({
    encoding: "unknown",
  });
  expect(
    capsOfLine("/GstPipeline:pipeline0/GstFdSink:fdsink0.GstPad:sink: caps = video/x-raw"),
  ).toBeUndefined();
});
