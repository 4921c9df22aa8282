/** The style sheet of a report: no image, no font and nothing else comes from outside. */
export const style = `
:root{color-scheme:light dark;--back:#fff;--card:#f6f7f9;--ink:#1b1f24;--soft:#57606a;--line:#d0d7de;--link:#0550ae;
--good:#116329;--bad:#a40e26;--warn:#7d4e00;--c1:#0550ae;--c2:#bc4c00;--c3:#1a7f37;--c4:#8250df;--c5:#a40e5c;--c6:#57606a}
@media (prefers-color-scheme:dark){:root{--back:#0f1318;--card:#171c23;--ink:#e6edf3;--soft:#9aa6b2;--line:#333b46;--link:#79b8ff;
--good:#56d364;--bad:#ff8e8a;--warn:#e3b341;--c1:#79b8ff;--c2:#ffa657;--c3:#56d364;--c4:#d2a8ff;--c5:#ff9bce;--c6:#9aa6b2}}
*{box-sizing:border-box}
body{margin:0;background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif;overflow-wrap:anywhere}
header,main,footer{max-width:76rem;margin:0 auto;padding:0 1rem}
h1{font-size:1.6rem;margin:1.2rem 0 .2rem;line-height:1.25}
h2{font-size:1.25rem;margin:2rem 0 .6rem;padding-top:.4rem;border-top:1px solid var(--line)}
h3{font-size:1rem;margin:0}
p{margin:.3rem 0}
a{color:var(--link)}
.skip{position:absolute;left:-99rem}
.skip:focus{left:1rem;top:.5rem;background:var(--back);padding:.3rem .6rem;z-index:2}
nav ul{display:flex;flex-wrap:wrap;gap:.2rem 1rem;list-style:none;margin:.6rem 0;padding:0}
:focus-visible{outline:3px solid var(--link);outline-offset:2px}
.soft,figcaption p,.readout{color:var(--soft);font-size:.875rem}
.state{display:inline-block;border:1px solid currentColor;border-radius:1rem;padding:.05rem .7rem;font-weight:600;font-size:.875rem}
.state.good{color:var(--good)}.state.bad{color:var(--bad)}.state.warn{color:var(--warn)}
.facts{display:grid;grid-template-columns:repeat(auto-fit,minmax(11rem,1fr));gap:.6rem;margin:1rem 0}
.facts div{background:var(--card);border-radius:.5rem;padding:.6rem .8rem}
.facts dt{color:var(--soft);font-size:.875rem}
.facts dd{margin:0;font-weight:600}
.charts{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,30rem),1fr));gap:1rem;align-items:start}
figure{margin:0;background:var(--card);border-radius:.5rem;padding:.8rem;min-width:0}
figure>svg{width:100%;height:auto;display:block;margin-top:.4rem}
.legend{display:flex;flex-wrap:wrap;gap:.1rem 1rem;list-style:none;padding:0;margin:.3rem 0 0;font-size:.875rem}
.swatch{width:28px;height:10px;margin-right:.4rem}
.grid{stroke:var(--line)}.axis{stroke:var(--soft)}
.tick{fill:var(--soft);font-size:12px}
.curve{fill:none;stroke-width:2;stroke-linejoin:round}
.c1{stroke:var(--c1)}.c2{stroke:var(--c2);stroke-dasharray:7 3}.c3{stroke:var(--c3);stroke-dasharray:2 3}
.c4{stroke:var(--c4);stroke-dasharray:9 3 2 3}.c5{stroke:var(--c5);stroke-dasharray:4 4}.c6{stroke:var(--c6);stroke-dasharray:1 2}
.dot{fill:var(--card);stroke-width:2;stroke-dasharray:none}
.r1{fill:var(--c1)}.r2{fill:var(--c2)}.r3{fill:var(--c3)}.r4{fill:var(--c4)}.r5{fill:var(--c5)}.r6{fill:var(--c6)}
.mark line{stroke:var(--bad);stroke-dasharray:3 3;opacity:.8}.mark path{fill:var(--bad)}
.cursor{stroke:var(--ink)}
.slider{width:100%;margin:.2rem 0 0;accent-color:var(--link)}
.readout{min-height:1.4em}
.readout:empty{display:none}
summary{cursor:pointer;font-size:.875rem}
.scroll{overflow-x:auto}
details .scroll{max-height:26rem;overflow-y:auto}
table{border-collapse:collapse;font-variant-numeric:tabular-nums;font-size:.9rem}
caption{text-align:left;color:var(--soft);font-size:.875rem;padding:.2rem 0}
table{overflow-wrap:normal}
th,td{text-align:right;padding:.2rem .8rem .2rem 0;border-bottom:1px solid var(--line);vertical-align:top}
th{font-weight:600}
table:not(.words) td,thead th{white-space:nowrap}
th[scope=row],th:first-child,.words td,.words th{text-align:left}
.words td{min-width:5rem;overflow-wrap:break-word}
.words td:last-child{min-width:14rem}
.words{width:100%}
pre{background:var(--card);border-radius:.5rem;padding:.8rem;overflow-x:auto;font:.85rem/1.45 ui-monospace,monospace;overflow-wrap:normal}
footer{margin:2rem auto;color:var(--soft);font-size:.875rem}
@media (max-width:40rem){.tick{font-size:17px}body{font-size:15px}}
@media print{.slider,.readout,nav,.skip{display:none}figure{break-inside:avoid}}
`;
