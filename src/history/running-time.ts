/** The time that a run has worked. Pure. */
import type { HistoryLine } from './history.js';

/** Phases of a job of a cluster in which its student neither trains nor is about to. */
export const restingPhases: ReadonlySet<string> = new Set(['Pending', 'Queued', 'Suspended', 'Succeeded', 'Failed']);

/**
 * The time that a run has worked, without the pauses: between a stop and its resumption, and while a job of a cluster rests.
 * @param lines in the order of time
 * @returns seconds of running time for a time in milliseconds since 1970
 */
export function runningTime(lines: readonly HistoryLine[]): (t: number) => number {
  const spans: { readonly from: number; to: number; readonly before: number }[] = [];
  let isResting = false;
  for (const line of lines) {
    const { t } = line;
    const last = spans.at(-1);
    const rests: boolean = line.kind === 'phase' ? restingPhases.has(line.phase) : isResting;
    const begins = line.kind === 'start' || (isResting && !rests);
    if (last === undefined) spans.push({ from: t, to: t, before: 0 });
    else if (begins) spans.push({ from: t, to: t, before: last.before + (last.to - last.from) });
    else if (!isResting) last.to = t;
    isResting = rests;
  }
  return (t) => {
    const span = spans.findLast(({ from }) => from <= t) ?? spans[0];
    if (span === undefined) return 0;
    return (span.before + Math.min(Math.max(0, t - span.from), span.to - span.from)) / 1_000;
  };
}
