/** A figure with its caption, its legend, its cursor and the table that says the same. Pure. */
import { type Curve, type Figure, tones, xText, yText } from './figure.js';
import { type Markup, markup } from './markup.js';
import { type Frame, frameOf, plot, reasonsOf } from './plot.js';
import { spread } from './thin.js';

/** Rows of the table beside a figure. */
const mostRows = 40;
const mostListed = 100;

/** @returns null for a figure without a point */
export function figureBlock(figure: Figure): Markup | null {
  const curves = figure.curves.filter(({ points }) => points.length > 0);
  if (curves.length === 0) return null;
  const drawn = { ...figure, curves };
  const frame = frameOf(drawn);
  const { id, title, about } = figure;
  return markup`<figure class="chart" id="${id}" aria-labelledby="${id}-title">
<figcaption><h3 id="${id}-title">${title}</h3><p>${about}</p>${legend(drawn)}</figcaption>
${plot(drawn, frame)}
<input class="slider" type="range" min="0" value="0" max="0" aria-label="Position in the figure: ${title}" hidden>
<p class="readout" aria-hidden="true"></p>
<details><summary>${title} as a table</summary>${table(drawn, frame)}${markList(drawn)}</details>
</figure>`;
}

function legend(figure: Figure): Markup {
  const swatch = (kind: Markup): Markup =>
    markup`<svg class="swatch" viewBox="0 0 28 10" aria-hidden="true" focusable="false">${kind}</svg>`;
  const curves = figure.curves.map(
    ({ name }, index) =>
      markup`<li>${swatch(markup`<path class="c${(index % tones) + 1} curve" d="M1 5H27"/>`)}${name}</li>`,
  );
  const reasons = reasonsOf(figure).map(
    (reason, index) =>
      markup`<li>${swatch(markup`<rect class="r${(index % tones) + 1}" x="1" y="1" width="26" height="8"/>`)}${reason}</li>`,
  );
  const marks =
    figure.marks.length === 0
      ? []
      : [markup`<li>${swatch(markup`<g class="mark"><path d="M10 9L18 9L14 1Z"/></g>`)}disruption or resumption</li>`];
  return markup`<ul class="legend">${[...curves, ...reasons, ...marks]}</ul>`;
}

function table(figure: Figure, frame: Frame): Markup {
  const head = figure.x === 'time' ? 'running time' : 'step';
  const places = [...new Set(figure.curves.flatMap(({ points }) => points.map(({ x }) => x)))].sort((a, b) => a - b);
  const rows = spread(places, mostRows).map((x) => {
    const cells = figure.curves.map((curve) => valueAt(figure, curve, x));
    return markup`<tr data-x="${Math.round(frame.x(x) * 10) / 10}"><th scope="row">${xText(figure, x)}</th>${cells.map(
      (cell) => markup`<td>${cell}</td>`,
    )}</tr>`;
  });
  return markup`<section class="scroll" tabindex="0" aria-label="${figure.title}: table"><table><thead><tr><th scope="col">${head}</th>${figure.curves.map(
    ({ name }) => markup`<th scope="col">${name}</th>`,
  )}</tr></thead><tbody>
${rows}</tbody></table></section>`;
}

/** The latest value at or before a place; a dash before the first. */
function valueAt(figure: Figure, { points }: Curve, x: number): string {
  let low = 0;
  let high = points.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((points[middle]?.x ?? Infinity) <= x) low = middle + 1;
    else high = middle;
  }
  const found = points[low - 1];
  return found === undefined ? '–' : yText(figure, found.y);
}

function markList(figure: Figure): Markup | null {
  if (figure.marks.length === 0) return null;
  const shown = figure.marks.slice(0, mostListed);
  const left = figure.marks.length - shown.length;
  return markup`<ul class="marks">${shown.map(({ x, text }) => markup`<li>${xText(figure, x)}: ${text}</li>`)}${
    left === 0 ? null : markup`<li>and ${left} more</li>`
  }</ul>`;
}
