import type { Fusion } from "../quantize/fusion.ts";
import { type Content, html, type Markup } from "./markup.ts";
import type { QuantizationReport } from "./report.ts";
import {
  bytes,
  decibels,
  decimals,
  METRICS,
  NOTHING,
  percent,
  points,
  sizeChange,
  timeChange,
} from "./wording.ts";

const ELSEWHERE = "not measured: this machine does not run the target";

/** What counts, before and after; then how near each output is, and what runs on codes. */
export function figures(report: QuantizationReport): Markup {
  return html`${comparison(report)}
${outputs(report)}
${fusion(report.fusion)}`;
}

function comparison({ latency_ms, precision, score, size_bytes }: QuantizationReport): Markup {
  return html`<table class="figures">
<thead><tr><td></td><th scope="col">float</th><th scope="col">${precision}</th><th scope="col">change</th></tr></thead>
<tbody>
${row("Size", [bytes(size_bytes.float), bytes(size_bytes.quantized), sizeChange(size_bytes)])}
${row("Time of a run", latency_ms ? latency(latency_ms) : ELSEWHERE)}
${row(score ? METRICS[score.metric] : "Task score", score ? scores(score) : "not measured: no labelled pictures")}
</tbody>
</table>`;
}

const latency = (time: { float: number; quantized: number }): string[] => [
  `${decimals(time.float, 2)} ms`,
  `${decimals(time.quantized, 2)} ms`,
  timeChange(time),
];

const scores = ({ float, quantized }: { float: number; quantized: number }): string[] => [
  percent(float, 2),
  percent(quantized, 2),
  points(quantized - float),
];

/** `cells` as a text is a note in place of them. */
function row(name: string, cells: readonly string[] | string): Markup {
  const content =
    typeof cells === "string"
      ? html`<td colspan="3"><span class="note">${cells}</span></td>`
      : cells.map((cell) => html`<td>${cell}</td>`);
  return html`<tr><th scope="row">${name}</th>${content}</tr>`;
}

function outputs({ agreement, images }: QuantizationReport): Markup {
  const rows = Object.entries(agreement.outputs).map(
    ([name, { sqnr_db, sqnr_db_min, top1 }]) =>
      html`<tr class="output"><th scope="row"><code>${name}</code></th><td>${decibels(sqnr_db)}</td><td>${decibels(sqnr_db_min)}</td><td>${top1 === undefined ? NOTHING : percent(top1)}</td></tr>`,
  );
  return html`<table class="figures">
<thead><tr><td>Outputs on ${images.held_out} held-out images</td><th scope="col">SQNR</th><th scope="col">worst</th><th scope="col">same top-1</th></tr></thead>
<tbody>${rows}
<tr class="sum"><th scope="row">mean</th><td>${decibels(agreement.sqnr_db)}</td><td></td><td></td></tr></tbody>
</table>`;
}

function fusion(found: Fusion | null): Markup {
  const cells: [string, Content][] = found
    ? [
        ["On codes", counts(found.integer)],
        ["Left in float", counts(found.left)],
        ["Conversions", found.conversions],
      ]
    : [["In ONNX Runtime", ELSEWHERE]];
  return html`<dl>${cells.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`;
}

function counts(operators: Readonly<Record<string, number>>): string {
  const list = Object.entries(operators).sort(([, a], [, b]) => b - a);
  const total = list.reduce((sum, [, count]) => sum + count, 0);
  return total === 0 ? "0" : `${total} (${list.map(([name, count]) => `${count} ${name}`).join(", ")})`;
}
