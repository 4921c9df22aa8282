/**
 * Keeps a history small, however long the run. Pure.
 *
 * Invariants:
 *  bounded/1 The first and the last sample stay, and so does the latest state of each pool.
 *  bounded/2 A history within its limits stays as it is; one beyond them is within them afterwards.
 */
import { type History, type HistoryHead, type HistoryLine, type LineOf, linesOf } from './history.js';

/** Time between samples of a new run. */
export const firstIntervalMs = 1_000;

export const historyLimits = { samples: 1_024, changes: 1_024, events: 512, others: 64 } as const;

/** Doubles the interval until samples and changes of the fleet are few enough; bounds everything else by number. */
export function bounded({ head, lines, damaged }: History): History {
  let { intervalMs } = head;
  let samples = linesOf(lines, 'sample');
  let changes = linesOf(lines, 'teachers');
  while (samples.length > historyLimits.samples || changes.length > historyLimits.changes) {
    intervalMs *= 2;
    samples = firstOfEach(samples, intervalMs);
    changes = lastOfEach(changes, intervalMs);
    // Pools without end: a job has a few.
    if (intervalMs > 1e15 / 2) changes = changes.slice(-historyLimits.changes);
  }
  const events = ends(linesOf(lines, 'event'), historyLimits.events);
  const left = linesOf(lines, 'event').length - events.length;
  const others = (['start', 'runtime', 'end', 'scores'] as const).flatMap((kind): readonly HistoryLine[] =>
    ends(linesOf(lines, kind), historyLimits.others),
  );
  const all: HistoryLine[] = [...others, ...samples, ...changes, ...events];
  const newHead: HistoryHead = { ...head, intervalMs, eventsLeftOut: head.eventsLeftOut + left };
  return { head: newHead, lines: all.sort((a, b) => a.t - b.t), damaged };
}

/** True when a history has no room for one more line of this kind. */
export function isFull(lines: readonly HistoryLine[], kind: HistoryLine['kind']): boolean {
  const { samples, changes, events, others } = historyLimits;
  const limits = {
    sample: samples,
    teachers: changes,
    event: events,
    start: others,
    runtime: others,
    end: others,
    scores: others,
  };
  return linesOf(lines, kind).length >= limits[kind];
}

/** True when a sample at time `t` is far enough from the latest one. */
export function isDue(lines: readonly HistoryLine[], intervalMs: number, t: number): boolean {
  const last = lines.findLast(({ kind }) => kind === 'sample');
  return last === undefined || bucket(last.t, intervalMs) !== bucket(t, intervalMs);
}

function firstOfEach(samples: readonly LineOf<'sample'>[], intervalMs: number): LineOf<'sample'>[] {
  return samples.filter(({ t }, index) => {
    const before = samples[index - 1];
    const isFirst = before === undefined || bucket(before.t, intervalMs) !== bucket(t, intervalMs);
    return isFirst || index === samples.length - 1;
  });
}

/** The last state of an interval is the one that lasted. */
function lastOfEach(changes: readonly LineOf<'teachers'>[], intervalMs: number): LineOf<'teachers'>[] {
  const kept = new Map<string, LineOf<'teachers'>>();
  for (const change of changes) kept.set(`${change.pool} ${String(bucket(change.t, intervalMs))}`, change);
  return [...kept.values()].sort((a, b) => a.t - b.t);
}

/** The first half and the last half of a list: how it began, and what happened last. */
export function ends<T>(list: readonly T[], most: number): readonly T[] {
  if (list.length <= most) return list;
  const half = Math.floor(most / 2);
  return [...list.slice(0, half), ...list.slice(list.length - (most - half))];
}

const bucket = (t: number, intervalMs: number): number => Math.floor(t / intervalMs);
