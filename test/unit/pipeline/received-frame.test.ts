import { expect, test } from "vitest";
import { receivedFrame } from "../../../runtime/pipeline/received-frame.ts";
import { layOut, PIXEL_FORMATS } from "../../support/raw-images.ts";

const told = (values: Record<string, string | number>) => (name: string) =>
  values[name] === undefined ? undefined : String(values[name]);

test.each(PIXEL_FORMATS.flatMap((format) => [[format, 8, 6] as const, [format, 7, 5] as const]))(
  "raw %s of %i×%i pixels",
  (format, width, height) => {
    const { bytes, source } = layOut(format, width, height);
    const { picture } = receivedFrame(new Uint8Array(bytes), told({ format, width, height }));
    expect(picture).toMatchObject({ encoding: "raw", format, width, height, planes: source.planes });
    const torn = () => receivedFrame(new Uint8Array(bytes - 1), told({ format, width, height }));
    expect(torn).toThrow(expect.objectContaining({ code: "ERR_FRAME_INVALID" }));
  },
);

test.each([
  ["no bytes", new Uint8Array(), {}, "ERR_IMAGE_EMPTY"],
  [
    "a format that is not known",
    new Uint8Array(4),
    { format: "rgb48", width: 1, height: 1 },
    "ERR_FRAME_INVALID",
  ],
  [
    "a format that objects inherit",
    new Uint8Array(4),
    { format: "toString", width: 1, height: 1 },
    "ERR_FRAME_INVALID",
  ],
  ["no height", new Uint8Array(4), { format: "gray8", width: 4 }, "ERR_FRAME_INVALID"],
  [
    "a width that is none",
    new Uint8Array(4),
    { format: "gray8", width: "4e0", height: 1 },
    "ERR_FRAME_INVALID",
  ],
  ["no width", new Uint8Array(4), { format: "gray8", width: 0, height: 1 }, "ERR_FRAME_INVALID"],
  ["a part id over two lines", new Uint8Array(4), { part_id: "a\nb" }, "ERR_FRAME_INVALID"],
  ["a time beyond the year 9999", new Uint8Array(4), { ts_ms: "999999999999999" }, "ERR_FRAME_INVALID"],
])("%s is refused: %s", (_, bytes, values, code) => {
  expect(() => receivedFrame(bytes, told(values as Record<string, string>))).toThrow(
    expect.objectContaining({ code }),
  );
});
