import { html, type Markup } from "./markup.ts";
import { rangeSketch } from "./range-sketch.ts";
import type { LayerReport } from "./report.ts";
import { bytes, decibels, NOTHING, threeFigures } from "./wording.ts";

/** A row a layer. On a narrow screen its figures stand under its name, each with its own (`data-name`). */
export function layerTable(layers: readonly LayerReport[]): Markup {
  return html`<p>What each layer's result held over the calibration images; heights are logarithmic. The band is what the
codes reach: values outside of it (<span class="key clipped"></span>) are clipped.</p>
<table class="layers">
<thead><tr><th scope="col">#</th><th scope="col">Layer</th><th scope="col">Precision</th><th scope="col">SQNR</th><th scope="col">Weights</th><th scope="col">Codes reach</th><th scope="col">Values seen</th></tr></thead>
<tbody>
${layers.map(row)}</tbody>
</table>`;
}

const row = (
  layer: LayerReport,
  i: number,
): Markup => html`<tr${layer.precision === "float" ? html` class="float"` : ""}>
<td class="number">${i + 1}</td>
<th scope="row"><code>${layer.name}</code> <span class="note">${layer.operator}</span></th>
<td>${layer.precision}</td>
<td class="figure" data-name="SQNR">${decibels(layer.sqnr_db)}</td>
<td class="figure" data-name="weights">${bytes(layer.weights_bytes)}</td>
<td class="figure" data-name="codes reach">${ends(layer.range)}</td>
<td class="sketch">${rangeSketch(layer)}<span class="note">${ends(layer.seen)}</span></td>
</tr>
`;

const ends = (range: { min: number; max: number } | null): string =>
  range ? `${threeFigures(range.min)} … ${threeFigures(range.max)}` : NOTHING;
