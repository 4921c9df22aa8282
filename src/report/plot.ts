/**
 * Draws a figure as SVG. Pure.
 *
 * Invariant: plot/1 The size of a drawing is bounded by the number of its curves, however many points and marks they have.
 */
import { count } from '@distillery/base';

import { type Curve, type Figure, type Mark, type Strip, tones, xText } from './figure.js';
import { type Markup, markup } from './markup.js';
import { type Point, thinned } from './thin.js';
import { clockTicks, numberText, ticks } from './ticks.js';

const size = { width: 560, height: 250 };
const margin = { left: 58, right: 16, top: 14, bottom: 42 };
const stripHeight = 10;
const mostPoints = 400;
const mostDots = 12;
/** Marks nearer than this are drawn as one. */
const markWidth = 8;
const mostStrips = 4;

/** The area of the curves, and where a point lies in it. */
export interface Frame {
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
  readonly minX: number;
  readonly maxX: number;
  x(value: number): number;
  y(value: number): number;
}

/** Of a figure with at least one point. */
export function frameOf(figure: Figure): Frame {
  const points = figure.curves.flatMap(({ points: all }) => all);
  const [minX, maxX] = range(points.map(({ x }) => x));
  const [minY, maxY] = rangeOfValues(figure, points);
  const left = margin.left;
  const right = size.width - margin.right;
  const top = margin.top + stripHeight * Math.min(mostStrips, figure.strips.length);
  const bottom = size.height - margin.bottom;
  const within = (value: number, min: number, max: number): number =>
    max > min ? Math.min(1, Math.max(0, (value - min) / (max - min))) : 0.5;
  return {
    left,
    right,
    top,
    bottom,
    minX,
    maxX,
    x: (value) => left + within(value, minX, maxX) * (right - left),
    y: (value) => bottom - within(value, minY, maxY) * (bottom - top),
  };
}

/** The drawing; its text alternative is the table beside it. */
export function plot(figure: Figure, frame: Frame): Markup {
  const { width, height } = size;
  const points = figure.curves.flatMap(({ points: all }) => all);
  const [minY, maxY] = rangeOfValues(figure, points);
  const name = `${figure.id}-title`;
  return markup`<svg viewBox="0 0 ${width} ${height}" role="img" aria-labelledby="${name}">${[
    ...ticks(minY, maxY, 4, figure.y === 'count' ? 'whole' : 'any').map(
      (value) =>
        markup`<line class="grid" x1="${frame.left}" x2="${frame.right}" y1="${px(frame.y(value))}" y2="${px(
          frame.y(value),
        )}"/><text class="tick" x="${frame.left - 6}" y="${px(frame.y(value) + 4)}" text-anchor="end">${tickText(figure, value)}</text>`,
    ),
    ...xTicks(figure, frame),
    ...figure.strips.slice(0, mostStrips).map((strip, row) => stripOf(figure, strip, row, frame)),
    ...figure.curves.map((curve, index) => curveOf(curve, index, frame)),
    ...markGroups(figure.marks, frame).map(
      ({ x, text }) =>
        markup`<g class="mark"><title>${text}</title><line x1="${px(x)}" x2="${px(x)}" y1="${frame.top}" y2="${
          frame.bottom
        }"/><path d="M${px(x - 4)} ${frame.bottom + 6}L${px(x + 4)} ${frame.bottom + 6}L${px(x)} ${frame.bottom}Z"/></g>`,
    ),
  ]}<line class="cursor" x1="0" x2="0" y1="${frame.top}" y2="${frame.bottom}" visibility="hidden"/></svg>`;
}

/** Ticks are round: they need no zeros at their end. */
function tickText({ y }: Figure, value: number): string {
  return y === 'share' ? `${String(Number((value * 100).toFixed(2)))} %` : numberText(value);
}

function xTicks(figure: Figure, frame: Frame): Markup[] {
  const { minX, maxX, bottom } = frame;
  const values = figure.x === 'time' ? clockTicks(minX, maxX, 5) : ticks(minX, maxX, 5, 'whole');
  const label = figure.x === 'time' ? 'running time' : 'step';
  return [
    markup`<line class="axis" x1="${frame.left}" x2="${frame.right}" y1="${bottom}" y2="${bottom}"/>`,
    ...values.map(
      (value) =>
        markup`<text class="tick" x="${px(frame.x(value))}" y="${bottom + 20}" text-anchor="middle">${xText(figure, value)}</text>`,
    ),
    markup`<text class="tick" x="${frame.right}" y="${bottom + 36}" text-anchor="end">${label}</text>`,
  ];
}

function curveOf({ points, shape }: Curve, index: number, frame: Frame): Markup | null {
  const drawn = shape === 'line' ? thinned(points, mostPoints) : evened(points, frame);
  if (drawn.length === 0) return null;
  const tone = (index % tones) + 1;
  // Of a few measurements the places matter, too.
  const dots =
    shape === 'steps' || drawn.length > mostDots
      ? []
      : drawn.map(
          ({ x, y }) => markup`<circle class="c${tone} dot" cx="${px(frame.x(x))}" cy="${px(frame.y(y))}" r="3.5"/>`,
        );
  const path = drawn.map((point, at) => {
    const [x, y] = [px(frame.x(point.x)), px(frame.y(point.y))];
    if (at === 0) return `M${x} ${y}`;
    return shape === 'line' ? `L${x} ${y}` : `H${x}V${y}`;
  });
  return markup`<path class="c${tone} curve" d="${path.join('')}"/>${dots}`;
}

/** Of steps, the lowest and the highest of a stretch as well. */
function evened(points: readonly Point[], frame: Frame): readonly Point[] {
  const last = points.at(-1);
  if (last === undefined) return points;
  const extended = last.x < frame.maxX ? [...points, { x: frame.maxX, y: last.y }] : points;
  return thinned(extended, mostPoints);
}

function stripOf(figure: Figure, { name, bands }: Strip, row: number, frame: Frame): Markup {
  const reasons = reasonsOf(figure);
  const y = margin.top + row * stripHeight;
  const joined: { readonly from: number; readonly to: number; readonly reason: string }[] = [];
  for (const band of bands) {
    const from = frame.x(band.from);
    const to = frame.x(band.to);
    const before = joined.at(-1);
    // What is narrower than a pixel joins what is before it.
    if (before !== undefined && (before.reason === band.reason || to - before.to < 1)) {
      joined[joined.length - 1] = { ...before, to };
    } else joined.push({ from: before?.to ?? from, to, reason: band.reason });
  }
  return markup`<g class="strip"><title>Pool ${name}: reasons</title>${joined.map(
    ({ from, to, reason }) =>
      markup`<rect class="r${(reasons.indexOf(reason) % tones) + 1}" x="${px(from)}" y="${y}" width="${px(
        Math.max(0.5, to - from),
      )}" height="${stripHeight - 3}"><title>${name}: ${reason}</title></rect>`,
  )}</g>`;
}

/** Every reason of a figure's strips, in the order in which they came. */
export function reasonsOf({ strips }: Figure): readonly string[] {
  return [...new Set(strips.flatMap(({ bands }) => bands.map(({ reason }) => reason)))];
}

function markGroups(marks: readonly Mark[], frame: Frame): readonly { readonly x: number; readonly text: string }[] {
  const groups = new Map<number, Mark[]>();
  for (const mark of marks) {
    if (mark.x < frame.minX || mark.x > frame.maxX) continue;
    const key = Math.round(frame.x(mark.x) / markWidth);
    groups.set(key, [...(groups.get(key) ?? []), mark]);
  }
  return [...groups].map(([key, group]) => {
    const texts = group.slice(0, 3).map(({ text }) => text);
    const more = group.length > 3 ? [`and ${count(group.length - 3, 'more mark')}`] : [];
    return { x: key * markWidth, text: [...texts, ...more].join('; ').slice(0, 400) };
  });
}

function rangeOfValues({ y, curves }: Figure, points: readonly Point[]): readonly [number, number] {
  const [low, high] = range(points.map((point) => point.y));
  const hasSteps = curves.some(({ shape }) => shape === 'steps');
  // Rates and numbers of things begin at 0; a loss and a score do not.
  const min = y === 'count' || hasSteps ? Math.min(0, low) : low;
  const pad = high > min ? (high - min) * 0.05 : Math.max(Math.abs(high) * 0.05, 1e-6);
  // What is never below 0 does not look as if it were.
  const padded: readonly [number, number] = [min >= 0 ? Math.max(0, min - pad) : min - pad, high + pad];
  return y === 'share' ? [Math.max(0, padded[0]), Math.min(1, padded[1])] : padded;
}

/** As `Math.min` and `Math.max` over a list of any length. */
function range(values: readonly number[]): readonly [number, number] {
  let min = Infinity;
  let max = -Infinity;
  for (const value of values) {
    if (value < min) min = value;
    if (value > max) max = value;
  }
  return min > max ? [0, 1] : [min, max];
}

/** A coordinate with one decimal. */
function px(value: number): string {
  return String(Math.round(value * 10) / 10);
}
