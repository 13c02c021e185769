import { Markup } from "./markup.ts";

/** Colours by role, then sizes. Paper gets the light ones. */
export const STYLE = new Markup(`
:root {
  color-scheme: light dark;
  --page: #f6f7f9; --card: #fff; --text: #1b2330; --soft: #5b6675; --line: #dde2e8;
  --coded: #3b78d8; --float: #c9d0d9; --worst: #d9822b; --band: #dbe8fb; --clipped: #cf3a32;
  --good: #17794a; --good-back: #e5f5ec; --bad: #b3261e; --bad-back: #fcebea;
}
@media screen and (prefers-color-scheme: dark) {
  :root {
    --page: #12161c; --card: #1a2029; --text: #e6eaf0; --soft: #9aa6b5; --line: #2e3743;
    --coded: #6aa2f7; --float: #47525f; --worst: #f0a54e; --band: #233a5c; --clipped: #f2756d;
    --good: #6fd6a0; --good-back: #15312a; --bad: #ff9a92; --bad-back: #3a1e20;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; font-variant-numeric: tabular-nums;
}
main { max-width: 62rem; margin: 0 auto; padding: 2rem 1rem 3rem; }
h1 { margin: 0; font-size: 1.9rem; line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 0 0 .75rem; font-size: 1.05rem; }
p { margin: 0 0 .75rem; }
code { font: .88em ui-monospace, SFMono-Regular, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
.kicker { margin: 0; color: var(--soft); }
.lead { margin: .15rem 0 0; color: var(--soft); }
.note { color: var(--soft); font-size: .88rem; font-weight: normal; }
section > :last-child { margin-bottom: 0; }
section { margin-top: 1rem; padding: 1.1rem 1.25rem; background: var(--card); border: 1px solid var(--line); border-radius: 10px; }
.verdict { display: flex; flex-wrap: wrap; align-items: center; gap: .5rem 1.5rem; border: 0; border-left: 6px solid; }
.verdict.good { color: var(--good); background: var(--good-back); }
.verdict.bad { color: var(--bad); background: var(--bad-back); }
.verdict .word { margin: 0; font-size: 1.7rem; font-weight: 700; line-height: 1.2; }
.verdict > div { flex: 1 1 20rem; color: var(--text); }
.verdict p, .verdict ul { margin: 0; }
.verdict ul { padding-left: 1.1rem; font-weight: 600; }
table { width: 100%; border-collapse: collapse; }
th, td { padding: .4rem .5rem; border-top: 1px solid var(--line); text-align: left; vertical-align: middle; }
thead th, thead td { border: 0; color: var(--soft); font-size: .88rem; font-weight: normal; }
tbody th { font-weight: 600; }
.figures { table-layout: fixed; margin-bottom: 1rem; }
.figures th:first-child, .figures td:first-child { width: 34%; padding-left: 0; }
.figures tr:not(.output) > td:last-child { font-weight: 600; }
.figures .sum > * { border-top-style: dashed; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(13rem, 1fr)); gap: .6rem 1.5rem; margin: 0; }
dt { color: var(--soft); font-size: .88rem; }
dd { margin: 0; overflow-wrap: anywhere; }
svg .coded { fill: var(--coded); } svg .float { fill: var(--float); } svg .worst { fill: var(--worst); }
svg .band { fill: var(--band); } svg .clipped { fill: var(--clipped); }
.grid { stroke: var(--line); vector-effect: non-scaling-stroke; }
.plot { display: grid; grid-template-columns: 3.4rem 1fr; margin-top: 1rem; }
.plot svg { width: 100%; height: 12rem; }
.scale, .numbers { position: relative; color: var(--soft); font-size: .8rem; line-height: 1; }
.scale span { position: absolute; right: .5rem; transform: translateY(50%); white-space: nowrap; }
.numbers { grid-column: 2; height: 1.4rem; }
.numbers span { position: absolute; top: .35rem; transform: translateX(-50%); }
.key { display: inline-block; width: .75em; height: .75em; border-radius: 2px; }
.key.coded { background: var(--coded); } .key.float { background: var(--float); }
.key.worst { background: var(--worst); } .key.clipped { background: var(--clipped); }
.layers { font-size: .88rem; }
.layers th:first-child, .layers td:first-child { padding-left: 0; color: var(--soft); }
.layers .figure { white-space: nowrap; }
.layers tbody th { min-width: 9rem; font-weight: normal; }
.layers .float { color: var(--soft); }
.sketch { width: 11rem; }
.range { display: block; width: 100%; height: 1.9rem; }
@media screen and (max-width: 46rem) {
  main { padding: 1rem .6rem 2rem; }
  section { padding: .9rem .9rem; }
  .layers thead { display: none; }
  .layers, .layers tbody { display: block; }
  .layers tr { display: flex; flex-wrap: wrap; align-items: baseline; gap: .1rem .8rem; padding: .6rem 0; border-top: 1px solid var(--line); }
  .layers th, .layers td { padding: 0; border: 0; }
  .layers tbody th { flex: 1 1 80%; }
  .layers .figure::before { content: attr(data-name) " "; color: var(--soft); }
  .sketch { flex: 1 1 100%; }
}
@media print {
  :root { --page: #fff; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { font-size: 11px; }
  main { max-width: none; padding: 0; }
  section { padding: .6rem .8rem; }
  tr, .plot, .verdict { break-inside: avoid; }
}
`);
