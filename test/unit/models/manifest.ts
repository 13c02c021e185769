/** A manifest that is valid; tests change a part of it. */
export const manifest = () => ({
  schema: "sightline.model/1",
  name: "parts",
  version: "1.0.0",
  input: {
    name: "image",
    dtype: "float32",
    layout: "NCHW",
    width: 64,
    height: 48,
    color: "gray",
    resize: "letterbox",
  },
  decoder: { type: "heatmap", heatmap: "heatmap", boxes: "boxes", stride: 8 },
  labels: ["open", "short"],
  variants: [
    { name: "fp32", targets: ["any"], stages: [{ file: "m.onnx", sha256: "0".repeat(64), bytes: 5 }] },
  ],
});
