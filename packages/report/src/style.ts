/** The page's style sheet. Charts are drawn in the colours of light; by their names here they take those of the page. */
import { COLOURS } from './charts.ts'

/** The same colours for a dark page, each at least 4.5:1 against it. */
const ON_DARK = ['#58b4ff', '#ff8f4d', '#35d0a2', '#eb94d6', '#e2bd46', '#b4bec8'] as const

const FIXED = `
:root {
  color-scheme: light dark;
  --page: light-dark(#fbfbfa, #14171b); --card: light-dark(#ffffff, #1b1f25); --ink: light-dark(#1b2027, #e7eaee);
  --muted: light-dark(#57606a, #9ba6b2); --line: light-dark(#e1e4e8, #2e353e); --soft: light-dark(#f1f3f5, #232931);
  --accent: light-dark(#0058a0, #7cc2ff); --good: light-dark(#00694b, #45d3a8); --bad: light-dark(#b03a00, #ff9a5c);
  --think: light-dark(#f6f2e8, #26241d); --thinkline: light-dark(#c9b273, #7d6f41);
  --mono: ui-monospace, 'SF Mono', 'Cascadia Mono', Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}
* { box-sizing: border-box; }
html { scroll-padding-top: 4rem; }
body { margin: 0; font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--page); overflow-wrap: break-word; }
header, main { max-width: 1720px; margin: 0 auto; padding: 0 clamp(.9rem, 2.5vw, 2.5rem); }
header { padding-top: clamp(1.2rem, 3vw, 2.4rem); }
h1 { font-size: clamp(1.35rem, 2.4vw, 1.9rem); line-height: 1.2; letter-spacing: -.015em; margin: 0 0 .4rem; text-wrap: balance; }
h2 { font-size: 1.2rem; letter-spacing: -.01em; margin: 2.6rem 0 .7rem; }
h3 { font-size: .95rem; margin: 0; font-weight: 600; }
p { max-width: 72ch; margin: .4rem 0; } .muted, .note { color: var(--muted); } .lead { font-size: 1.02rem; }
a { color: var(--accent); } code, .mono { font-family: var(--mono); font-size: .87em; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; border-radius: 3px; }
.skip { position: absolute; left: -99rem; } .skip:focus { left: 1rem; top: .5rem; background: var(--card); padding: .4rem .8rem; z-index: 9; }
nav { position: sticky; top: 0; z-index: 5; background: color-mix(in srgb, var(--page) 92%, transparent); backdrop-filter: blur(6px);
  border-bottom: 1px solid var(--line); margin-top: 1rem; }
nav > div { max-width: 1720px; margin: 0 auto; padding: .5rem clamp(.9rem, 2.5vw, 2.5rem); display: flex; flex-wrap: wrap; gap: .3rem 1.1rem; align-items: center; }
nav a { text-decoration: none; white-space: nowrap; } nav a:hover { text-decoration: underline; }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1rem; margin-left: auto; }
.legend label { display: inline-flex; gap: .4rem; align-items: center; cursor: pointer; white-space: nowrap; }
.legend input { margin: 0; accent-color: var(--accent); }
.live { font-size: .85rem; color: var(--muted); } .live::before { content: ''; display: inline-block; width: .55em; height: .55em; border-radius: 50%;
  margin-right: .45em; background: var(--good); } .live[data-state=lost]::before { background: var(--bad); }
.wide { position: relative; overflow-x: auto; } .unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; } table.runs td, table.runs th { white-space: nowrap; } details.settings { margin: .7rem 0; } details.settings > summary { color: var(--muted); }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .38rem 1.3rem .38rem 0; border-bottom: 1px solid var(--line); text-align: left; vertical-align: top; }
thead th { color: var(--muted); font-weight: 500; font-size: .86rem; white-space: nowrap; } tbody th { font-weight: 500; }
td.number, th.number { text-align: right; white-space: nowrap; } th small { color: var(--muted); display: block; font-weight: 400; } td small { color: var(--muted); display: block; white-space: nowrap; }
tr.first > * { border-top: 1px solid var(--line); }
.swatch { width: 30px; height: 10px; flex: none; vertical-align: middle; overflow: visible; }
dl.fields { display: flex; flex-wrap: wrap; gap: .25rem 1.4rem; margin: .6rem 0; } dl.fields div { display: flex; gap: .45rem; max-width: 100%; }
dt { color: var(--muted); } dd { margin: 0; min-width: 0; overflow-wrap: anywhere; }
ul.notes { padding: .7rem 1rem .7rem 2rem; margin: 1rem 0; background: var(--soft); border-left: 3px solid var(--bad); max-width: 90ch; }
details > summary { cursor: pointer; } details.chapter { margin-top: 1.4rem; }
details.chapter > summary { list-style-position: outside; margin-left: 1.1rem; } details.chapter > summary h2 { display: inline; margin: 0; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 350px), 1fr)); gap: .9rem; margin-top: .9rem; }
[hidden] { display: none !important; }
figure { margin: 0; background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .75rem .8rem .5rem; display: flex; flex-direction: column; min-width: 0;
  content-visibility: auto; contain-intrinsic-size: auto 300px; }
figcaption { display: grid; }
.group { width: 100%; font-size: .74rem; color: var(--muted); letter-spacing: .02em; display: flex; justify-content: space-between; gap: 1rem; }
.unit { color: var(--muted); font-size: .8rem; min-height: 1.55em; } .keys { list-style: none; margin: .25rem 0 .35rem; padding: 0; display: flex; flex-wrap: wrap; gap: 0 1rem; font-size: .82rem; }
.keys li { display: flex; flex-wrap: wrap; gap: 0 .4rem; align-items: center; min-width: 0; } .keys.many { display: grid; grid-template-columns: repeat(auto-fill, minmax(150px, 1fr)); font-size: .74rem; }
.keys.many li { flex-wrap: nowrap; overflow: hidden; white-space: nowrap; } .keys.many .swatch { width: 22px; } .keys .value { font-variant-numeric: tabular-nums; color: var(--muted); }
.plot { position: relative; margin-top: auto; min-width: 0; overflow: hidden; touch-action: pan-y; } .plain svg { width: 100%; height: auto; }
.plot .u-over { cursor: crosshair; } .plot .u-select { background: color-mix(in srgb, var(--accent) 18%, transparent); }
.plot .u-hz .u-cursor-x, .plot .u-cursor-x { border-right: 1px solid var(--muted); }
.chartnote { font-size: .76rem; color: var(--muted); margin: 0 0 .2rem; }
.actions { display: flex; flex-wrap: wrap; gap: .3rem; margin-top: .3rem; } .actions button { font-size: .74rem; padding: .1rem .5rem; color: var(--muted); border-color: var(--line); background: none; }
.actions button:hover, .actions button[aria-pressed=true] { color: var(--accent); border-color: var(--accent); }
[data-client=tools] { display: flex; flex-wrap: wrap; gap: .5rem 1.1rem; align-items: end; margin: 1.4rem 0 .4rem; } [data-client=tools] p { color: var(--muted); font-size: .82rem; margin: 0 0 .35rem; }
[data-client=tools] label { display: grid; gap: .15rem; font-size: .82rem; color: var(--muted); } [data-client=tools] input[type=range] { width: 9rem; padding: 0; accent-color: var(--accent); }
[data-client=tools] .check { display: flex; align-items: center; padding-bottom: .35rem; } [data-client=tools] .check input { width: auto; margin: 0 .4rem 0 0; accent-color: var(--accent); }
[data-client=tools] output { min-width: 2.2em; font-variant-numeric: tabular-nums; } [data-client=tools] .find { flex: 0 1 16rem; }
dialog.large { width: min(96vw, 1300px); max-width: none; border: 1px solid var(--line); border-radius: 10px; background: var(--page); color: var(--ink); padding: 1rem; }
dialog.large::backdrop { background: rgb(0 0 0 / .45); } dialog.large figure { border: 0; background: none; padding: 0 0 .6rem; content-visibility: visible; }
.split { display: flex; height: .85rem; min-width: 180px; width: 100%; border-radius: 3px; overflow: hidden; gap: 1px; } .split i { display: block; }
.timing td.bar { width: 45%; min-width: 220px; } .timing small { display: flex; flex-wrap: wrap; gap: 0 .9rem; white-space: normal; }
.timing b { display: inline-block; width: .7em; height: .7em; border-radius: 2px; margin-right: .35em; }
form { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 165px), 1fr)); gap: .6rem .9rem; align-items: end; background: var(--card);
  border: 1px solid var(--line); border-radius: 8px; padding: .8rem .9rem; }
form label { display: grid; gap: .15rem; font-size: .82rem; color: var(--muted); min-width: 0; } form fieldset { border: 0; padding: 0; margin: 0; min-width: 0; }
form label.check { display: flex; align-items: center; } form .check input { width: auto; margin: 0 .4rem 0 0; accent-color: var(--accent); }
form legend { font-size: .82rem; color: var(--muted); padding: 0; } .pair { display: flex; gap: .4rem; align-items: center; }
input, select, button { font: inherit; color: var(--ink); background: var(--page); border: 1px solid light-dark(#b8bfc7, #4a545f); border-radius: 5px; padding: .3rem .5rem; min-width: 0; width: 100%; }
form input, form select, form button { font-size: .92rem; } .legend input { width: auto; } button { width: auto; cursor: pointer; padding: .3rem .9rem; } button:disabled, button[aria-disabled=true] { opacity: .45; cursor: default; }
.pager { display: flex; flex-wrap: wrap; gap: .5rem .8rem; align-items: center; margin: .9rem 0; } .pager p { margin: 0; flex: 1 1 auto; }
.groups { display: grid; gap: .9rem; grid-template-columns: minmax(0, 1fr); }
article { background: var(--card); border: 1px solid var(--line); border-radius: 8px; padding: .7rem .85rem; min-width: 0; display: flex; flex-direction: column; gap: .55rem; }
.facts { display: flex; flex-wrap: wrap; gap: .1rem .8rem; font-size: .82rem; color: var(--muted); align-items: baseline; font-variant-numeric: tabular-nums; }
.facts .number { font-weight: 600; min-width: 1.1em; } .badge { font-weight: 600; } .badge.right { color: var(--good); } .badge.wrong, .badge.broken { color: var(--bad); }
.problem { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 230px), max-content)); gap: .3rem 2rem; } .problem .text { max-height: 12rem; }
.completions { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 300px), 1fr)); gap: .6rem; } article > details > .completions { margin-top: .6rem; }
.completion { display: flex; flex-direction: column; gap: .35rem; border-top: 1px solid var(--line); padding-top: .45rem; min-width: 0; }
article > details > summary { color: var(--muted); font-size: .86rem; } .sides { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 330px), 1fr)); gap: .9rem; margin-top: .6rem; }
.compare { margin: .9rem 0 0; } .compare > summary { font-weight: 600; } .compare form { margin-top: .6rem; } .scale { color: var(--muted); font-size: .82rem; }
mark { background: light-dark(#ffe28a, #7a6200); color: inherit; border-radius: 2px; }
.text.tinted { background: var(--soft); padding: .35rem .6rem; line-height: 1.75; } .tinted b { font-weight: 400; border-radius: 2px; padding: .1em 0; box-shadow: inset -1px 0 color-mix(in srgb, var(--muted) 35%, transparent); }
.tinted b i { font: 400 .72rem system-ui, sans-serif; padding: 0 .3em; }
.tinted.told b { display: inline-grid; justify-items: center; margin: .1em 0; white-space: pre; } .tinted.told small { font: .68rem system-ui, sans-serif; }
.text { font-family: var(--mono); font-size: .88rem; white-space: pre-wrap; overflow-wrap: anywhere; max-height: 20rem; overflow: auto; }
.text span { font-family: system-ui, sans-serif; font-size: .72rem; color: var(--muted); display: block; user-select: none; }
.text.think { background: var(--think); border-left: 3px solid var(--thinkline); padding: .35rem .6rem; }
.text.answer { background: var(--soft); border-left: 3px solid var(--accent); padding: .35rem .6rem; font-weight: 600; }
.text.broken { border: 1px dashed var(--bad); padding: .35rem .6rem; } .text em { color: var(--muted); font-family: system-ui, sans-serif; font-weight: 400; }
.rewards { display: grid; grid-template-columns: max-content 1fr max-content; gap: .1rem .6rem; font-size: .82rem; align-items: center; font-variant-numeric: tabular-nums; }
.rewards .track { position: relative; height: .55rem; background: var(--soft); border-radius: 2px; } .rewards .track i { position: absolute; top: 0; bottom: 0; border-radius: 2px; }
.rewards .up { background: var(--good); } .rewards .down { background: var(--bad); }
footer { color: var(--muted); font-size: .85rem; margin: 3rem 0 2rem; }
@media (max-width: 640px) { nav { position: static; } .legend { margin-left: 0; } th, td { padding-right: .9rem; } .timing td.bar { min-width: 180px; } }
@media print { nav, form, .pager { display: none; } figure, article { break-inside: avoid; } }
`

/** What charts are drawn in, and what it is called on the page. */
const DRAWN: readonly (readonly [string, string])[] = [
  ['#e4e6ea', 'line'],
  ['#9aa3ad', 'muted'],
  ['#47505a', 'muted'],
]

/** The style sheet of a page. */
export const styleOf = (): string =>
  [
    `:root { ${COLOURS.map((light, i) => `--c${i}: light-dark(${light}, ${ON_DARK[i]!});`).join(' ')} }`,
    FIXED.trim(),
    ...COLOURS.map(
      (light, i) => `[stroke="${light}"] { stroke: var(--c${i}); } [fill="${light}"] { fill: var(--c${i}); }`,
    ),
    ...DRAWN.map(
      ([drawn, name]) => `[stroke="${drawn}"] { stroke: var(--${name}); } [fill="${drawn}"] { fill: var(--${name}); }`,
    ),
  ].join('\n')
