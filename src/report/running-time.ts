import type { HistoryLine } from './history.js';

/**
 * The time that a run has worked, without the pauses between a stop and its resumption.
 * @param lines in the order of time
 * @returns seconds of running time for a time in milliseconds since 1970
 */
export function runningTime(lines: readonly HistoryLine[]): (t: number) => number {
  const spans: { readonly from: number; to: number; readonly before: number }[] = [];
  for (const { kind, t } of lines) {
    const last = spans.at(-1);
    if (last === undefined) spans.push({ from: t, to: t, before: 0 });
    else if (kind === 'start') spans.push({ from: t, to: t, before: last.before + (last.to - last.from) });
    else last.to = t;
  }
  return (t) => {
    const span = spans.findLast(({ from }) => from <= t) ?? spans[0];
    if (span === undefined) return 0;
    return (span.before + Math.min(Math.max(0, t - span.from), span.to - span.from)) / 1_000;
  };
}
