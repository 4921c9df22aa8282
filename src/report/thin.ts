/** Draws fewer points of a long curve, without hiding its peaks. Pure. */

export interface Point {
  readonly x: number;
  readonly y: number;
}

/**
 * Keeps of each stretch of the curve its lowest and its highest point, and of the whole its first and last.
 * @param points in the order of x; values are finite
 * @param most at least 4
 * @returns at most `most` of the points, in the same order
 */
export function thinned<P extends Point>(points: readonly P[], most: number): readonly P[] {
  if (points.length <= most) return points;
  const last = points.length - 1;
  const stretches = Math.max(1, Math.floor((most - 2) / 2));
  const kept = new Set([0, last]);
  const inner = last - 1;
  for (let stretch = 0; stretch < stretches; stretch++) {
    const from = 1 + Math.floor((stretch * inner) / stretches);
    const to = 1 + Math.floor(((stretch + 1) * inner) / stretches);
    const { low, high } = extremes(points, from, to);
    if (low === null || high === null) continue;
    kept.add(low);
    kept.add(high);
  }
  return points.filter((_, index) => kept.has(index));
}

/** Indices of the lowest and the highest of the points `from` … `to` − 1. */
function extremes(
  points: readonly Point[],
  from: number,
  to: number,
): { readonly low: number | null; readonly high: number | null } {
  let low: number | null = null;
  let high: number | null = null;
  const y = (index: number): number => points[index]?.y ?? 0;
  for (let index = from; index < to; index++) {
    if (low === null || y(index) < y(low)) low = index;
    if (high === null || y(index) > y(high)) high = index;
  }
  return { low, high };
}

/** Points evenly spread over a list, the first and the last among them. */
export function spread<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  const picked = Array.from({ length: most }, (_, index) => Math.round((index * (list.length - 1)) / (most - 1)));
  return [...new Set(picked)].flatMap((index) => list.slice(index, index + 1));
}
