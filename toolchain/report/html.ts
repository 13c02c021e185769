import { figures } from "./figures.ts";
import { layerTable } from "./layer-table.ts";
import { type Content, html, type Markup } from "./markup.ts";
import type { QuantizationReport } from "./report.ts";
import { sqnrPlot } from "./sqnr-plot.ts";
import { STYLE } from "./style.ts";
import { bytes, decibels, METRICS, points, sizeChange, timeChange } from "./wording.ts";

/**
 * The report as one page that needs nothing else, for screens of any size and for paper: whether to use the model first,
 * then why.
 */
export function htmlReport(report: QuantizationReport): string {
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${report.model}: ${verdict(report)}</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<header>
<p class="kicker">Quantization report</p>
<h1>${report.model}</h1>
<p class="lead">${report.precision} for <code>${report.target}</code></p>
</header>
${verdictBox(report)}
${section("Figures", figures(report))}
${section("Signal to noise by layer", sqnrPlot(report.layers))}
${section("Layers", layerTable(report.layers))}
${section("How it was made", provenance(report))}
</main>
</body>
</html>
`;
  return page.text;
}

const section = (title: string, content: Content): Markup => html`<section>
<h2>${title}</h2>
${content}
</section>`;

const verdict = ({ refused }: QuantizationReport): string => (refused.length === 0 ? "Accepted" : "Refused");

function verdictBox(report: QuantizationReport): Markup {
  const isGood = report.refused.length === 0;
  const reasons = report.refused.map((reason) => html`<li>${reason}</li>`);
  return html`<section class="verdict ${isGood ? "good" : "bad"}">
<p class="word"><span aria-hidden="true">${isGood ? "✓" : "✕"}</span> ${verdict(report)}</p>
<div>${isGood ? [] : html`<ul>${reasons}</ul>`}
<p>${summary(report)}</p></div>
</section>`;
}

/** What was gained and lost, in one line. */
function summary({ agreement, latency_ms, score, size_bytes }: QuantizationReport): string {
  const time = latency_ms && timeChange(latency_ms);
  const sqnr = `outputs at ${decibels(agreement.sqnr_db)} SQNR`;
  const task = score && `${METRICS[score.metric]} ${points(score.quantized - score.float)}`;
  return [sizeChange(size_bytes), time, sqnr, task].filter((part) => part !== null).join(" · ");
}

function provenance({ images, layers, machine, settings }: QuantizationReport): Markup {
  const weights = layers.reduce((sum, layer) => sum + layer.weights_bytes, 0);
  const rows: [string, Content][] = [
    ["Calibration images", images.calibration],
    ["Held-out images", images.held_out],
    ["Machine", machine],
    ["Float weights", bytes(weights)],
    ...Object.entries(settings).map(([key, value]): [string, Content] => [
      key.replaceAll("_", " "),
      valueText(value),
    ]),
  ];
  return html`<dl>${rows.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function valueText(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? "none" : value.map(valueText).join(", ");
  if (typeof value === "boolean") return value ? "yes" : "no";
  if (value === null || value === undefined) return "none";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
