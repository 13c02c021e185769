import { html, type Markup } from "./markup.ts";
import type { LayerReport } from "./report.ts";
import { decibels } from "./wording.ts";

const STEP_DB = 10;

/** A bar a layer, in the order of the graph; float layers are pale and as high as the plot. */
export function sqnrPlot(layers: readonly LayerReport[]): Markup {
  const worst = worstOf(layers);
  if (!worst) return html`<p class="note">Not measured.</p>`;
  const topDb = Math.max(4, ...layers.map(({ sqnr_db }) => Math.ceil((sqnr_db ?? 0) / STEP_DB))) * STEP_DB;
  const bars = layers.map((layer, i) => bar(layer, i, { topDb, isWorst: layer === worst.layer }));
  return html`<p>Each layer's result against the float model's, with all before it quantized too. Lowest: layer
${worst.number}, <code>${worst.layer.name}</code>, ${decibels(worst.layer.sqnr_db)}.</p>
<div class="plot">
<div class="scale">${scale(topDb)}</div>
<svg viewBox="0 0 ${layers.length} ${topDb}" preserveAspectRatio="none" role="img" aria-label="SQNR in dB by layer">
${gridLines(topDb, layers.length)}
${bars}
</svg>
<div class="numbers">${numbers(layers.length)}</div>
</div>
${legend(layers)}`;
}

function worstOf(layers: readonly LayerReport[]): { layer: LayerReport; number: number } | undefined {
  let worst: { layer: LayerReport; number: number } | undefined;
  for (const [i, layer] of layers.entries()) {
    if (layer.sqnr_db !== null && layer.sqnr_db < (worst?.layer.sqnr_db ?? Number.POSITIVE_INFINITY))
      worst = { layer, number: i + 1 };
  }
  return worst;
}

function bar(layer: LayerReport, i: number, { topDb, isWorst }: { topDb: number; isWorst: boolean }): Markup {
  const isFloat = layer.precision === "float";
  const height = isFloat ? topDb : Math.max(0, layer.sqnr_db ?? 0);
  const kind = isFloat ? "float" : isWorst ? "worst" : "coded";
  const title = `${i + 1} ${layer.name} (${layer.operator}): ${isFloat ? "float" : decibels(layer.sqnr_db)}`;
  return html`<rect class="${kind}" x="${i + 0.12}" y="${topDb - height}" width="0.76" height="${height}"><title>${title}</title></rect>
`;
}

const steps = (topDb: number): number[] => Array.from({ length: topDb / STEP_DB + 1 }, (_, i) => i * STEP_DB);

const gridLines = (topDb: number, width: number): Markup[] =>
  steps(topDb).map(
    (db) => html`<line class="grid" x1="0" x2="${width}" y1="${topDb - db}" y2="${topDb - db}"/>`,
  );

const scale = (topDb: number): Markup[] =>
  steps(topDb).map(
    (db) => html`<span style="bottom:${(100 * db) / topDb}%">${db}${db === topDb ? " dB" : ""}</span>`,
  );

/** Under every tenth bar and the first. */
function numbers(count: number): Markup[] {
  const shown = Array.from({ length: count }, (_, i) => i).filter((i) => i === 0 || (i + 1) % 10 === 0);
  return shown.map((i) => html`<span style="left:${(100 * (i + 0.5)) / count}%">${i + 1}</span>`);
}

function legend(layers: readonly LayerReport[]): Markup {
  const floats = layers.filter(({ precision }) => precision === "float").length;
  const stayed = floats > 0 ? html` · <span class="key float"></span> stays float (${floats})` : html``;
  return html`<p class="note"><span class="key coded"></span> quantized (${layers.length - floats}) · <span class="key worst"></span> lowest${stayed}</p>`;
}
