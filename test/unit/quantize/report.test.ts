import { describe, expect, it } from "vitest";
import { htmlReport } from "../../../toolchain/report/html.ts";
import type { LayerReport, QuantizationReport } from "../../../toolchain/report/report.ts";

const layer: LayerReport = {
  name: "first",
  operator: "Conv",
  precision: "int8",
  sqnr_db: 31.25,
  range: { min: -1.5, max: 2.25 },
  seen: { min: -2, max: 3 },
  histogram: [0, 0.1, 0.8, 0.1],
  weights_bytes: 4321,
};

const kept: LayerReport = { ...layer, name: "kept", precision: "float", sqnr_db: null, range: null };

const report: QuantizationReport = {
  schema: "sightline.quantization/1",
  model: "boards",
  target: "linux-x64-avx2",
  precision: "int8",
  settings: { method: "percentile", percentile: 99.99, bias_correction: true, float_layers: ["kept"] },
  images: { calibration: 20, held_out: 5 },
  size_bytes: { float: 4_000_000, quantized: 1_250_000 },
  latency_ms: { float: 20.5, quantized: 8.2 },
  machine: "a CPU, ONNX Runtime 1.30.0",
  agreement: {
    sqnr_db: 28.4,
    outputs: {
      heat: { sqnr_db: 28.44, sqnr_db_min: 19.96 },
      scores: { sqnr_db: 30.2, sqnr_db_min: 29.1, top1: 0.983 },
    },
  },
  score: { metric: "map50", float: 0.9312, quantized: 0.9281 },
  fusion: { integer: { QLinearConv: 17, QLinearAdd: 4 }, left: { FusedConv: 3 }, conversions: 6 },
  layers: [layer, kept],
  refused: [],
};

const unmeasured: QuantizationReport = {
  ...report,
  latency_ms: null,
  score: null,
  fusion: null,
  settings: {},
  layers: [{ ...kept, seen: null, histogram: [] }],
};

/** What a reader reads: without the style, without tags. */
const textOf = (page: string): string =>
  page
    .replace(/<style>.*?<\/style>/s, "")
    .replace(/<[^>]*>/g, " ")
    .replace(/\s+/g, " ");

/** Tags that are open at the end, or closed without being open. */
function unbalanced(page: string): string[] {
  const open: string[] = [];
  const empty = new Set(["meta", "!doctype"]);
  for (const [, slash, name = "", selfClosed] of page.matchAll(/<(\/?)([!a-z0-9]+)[^>]*?(\/?)>/g)) {
    if (selfClosed || empty.has(name)) continue;
    if (!slash) open.push(name);
    else if (open.pop() !== name) return [name];
  }
  return open;
}

describe("htmlReport", () => {
  it("says at once whether to use the model", () => {
    const text = textOf(htmlReport(report));
    expect(text).toMatch(
      /boards int8 for linux-x64-avx2 ✓ Accepted 3.20× smaller · 2.50× quicker · outputs at 28.4 dB SQNR/,
    );
    expect(text).not.toContain("Refused");
  });

  it("gives the reasons where it is refused", () => {
    const page = htmlReport({ ...report, refused: ["slower than float", "mAP drops by 3 points"] });
    expect(page).toContain("<title>boards: Refused</title>");
    expect(textOf(page)).toMatch(/✕ Refused slower than float mAP drops by 3 points/);
    expect(textOf(page)).not.toContain("Accepted");
  });

  it.each([
    ["size", ["4.00 MB", "1.25 MB", "3.20× smaller"]],
    ["latency", ["20.50 ms", "8.20 ms", "2.50× quicker"]],
    ["task score", ["mAP at IoU 0.5", "93.12 %", "92.81 %", "−0.31 points"]],
    ["outputs", ["heat 28.4 dB 20.0 dB –", "scores 30.2 dB 29.1 dB 98.3 %", "mean 28.4 dB"]],
    ["fusion", ["21 (17 QLinearConv, 4 QLinearAdd)", "3 (3 FusedConv)", "Conversions 6"]],
    [
      "layers",
      [
        "1 first Conv int8 31.3 dB 4.3 kB −1.50 … 2.25 −2.00 … 3.00",
        "2 kept Conv float – 4.3 kB – −2.00 … 3.00",
      ],
    ],
    ["lowest layer", ["Lowest: layer 1, first , 31.3 dB"]],
    ["settings", ["percentile 99.99", "bias correction yes", "float layers kept"]],
    ["images", ["Calibration images 20", "Held-out images 5", "Outputs on 5 held-out images"]],
    ["machine", ["a CPU, ONNX Runtime 1.30.0"]],
  ])("has the %s", (_, figures) => {
    const text = textOf(htmlReport(report));
    for (const figure of figures) expect(text).toContain(figure);
  });

  it("calls a slower, larger one so", () => {
    const text = textOf(
      htmlReport({
        ...report,
        latency_ms: { float: 8, quantized: 10 },
        size_bytes: { float: 100, quantized: 100 },
      }),
    );
    expect(text).toContain("the same size · 1.25× slower");
  });

  it("draws what the codes do not reach as clipped", () => {
    expect(htmlReport(report).match(/rect class="clipped"/g)).toHaveLength(1);
    expect(htmlReport({ ...report, layers: [kept] })).not.toContain('rect class="clipped"');
  });

  it("says of what was not measured that it was not", () => {
    const text = textOf(htmlReport(unmeasured));
    expect(text).toContain("not measured: this machine does not run the target");
    expect(text).toContain("not measured: no labelled pictures");
  });

  it.each([
    ["all measured", report],
    ["nothing measured", unmeasured],
    [
      "an output that is all 0",
      {
        ...report,
        agreement: {
          sqnr_db: Number.NEGATIVE_INFINITY,
          outputs: { o: { sqnr_db: Number.NaN, sqnr_db_min: Number.NEGATIVE_INFINITY } },
        },
      },
    ],
    ["no layers", { ...report, layers: [] }],
    [
      "a layer that holds one value",
      {
        ...report,
        layers: [{ ...layer, seen: { min: 0, max: 0 }, range: { min: 0, max: 0 }, histogram: [1] }],
      },
    ],
    ["times of 0", { ...report, latency_ms: { float: 0, quantized: 0 } }],
  ])("has no undefined, NaN or null, and closes its tags: %s", (_, given) => {
    const page = htmlReport(given);
    expect(page).not.toMatch(/undefined|NaN|null|Infinity|\[object/);
    expect(unbalanced(page)).toEqual([]);
  });

  it("escapes all that comes from outside", () => {
    const evil = `<script>alert("1")</script>' onload='x`;
    const page = htmlReport({
      ...report,
      model: evil,
      target: evil,
      precision: evil,
      machine: evil,
      refused: [evil],
      settings: { [evil]: evil, list: [evil], object: { a: evil } },
      layers: [{ ...layer, name: evil, operator: evil }],
      fusion: { integer: { [evil]: 1 }, left: { [evil]: 1 }, conversions: 0 },
      agreement: { sqnr_db: 1, outputs: { [evil]: { sqnr_db: 1, sqnr_db_min: 1 } } },
    });
    expect(page).not.toContain("<script");
    expect(page).not.toContain("' onload");
    expect(page).toContain("&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#39; onload=&#39;x");
  });

  it("needs nothing from elsewhere", () => {
    expect(htmlReport(report)).not.toMatch(/src=|href=|url\(|@import|https?:/);
  });
});
