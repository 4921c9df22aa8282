/**
 * Keeps a history small, however long the run. Pure.
 *
 * Invariants:
 *  bounded/1 The first and the last sample stay, and so does the latest state of each pool.
 *  bounded/2 A history within its limits stays as it is; one beyond them is within them afterwards.
 */
import { type History, type HistoryHead, type HistoryLine, historyText, type LineOf, linesOf } from './history.js';

/** How many lines of each kind a history has at most; `others`: of each other kind. */
export interface HistoryLimits {
  readonly samples: number;
  /** Of all pools together. */
  readonly changes: number;
  readonly events: number;
  readonly others: number;
}

/** Of a run's file. */
export const historyLimits: HistoryLimits = { samples: 1_024, changes: 1_024, events: 512, others: 64 };

/** Doubles the interval until samples and changes of the fleet are few enough; bounds everything else by number. */
export function bounded({ head, lines, damaged }: History, limits: HistoryLimits = historyLimits): History {
  let { intervalMs } = head;
  let samples = linesOf(lines, 'sample');
  let changes = linesOf(lines, 'teachers');
  while (samples.length > limits.samples || changes.length > limits.changes) {
    intervalMs *= 2;
    samples = firstOfEach(samples, intervalMs);
    changes = lastOfEach(changes, intervalMs);
    // Pools without end: a job has a few.
    if (intervalMs > 1e15 / 2) changes = changes.slice(-limits.changes);
  }
  const events = ends(linesOf(lines, 'event'), limits.events);
  const left = linesOf(lines, 'event').length - events.length;
  const others = (['start', 'runtime', 'phase', 'end', 'scores'] as const).flatMap((kind): readonly HistoryLine[] =>
    ends(linesOf(lines, kind), limits.others),
  );
  const all: HistoryLine[] = [...others, ...samples, ...changes, ...events];
  const newHead: HistoryHead = { ...head, intervalMs, eventsLeftOut: head.eventsLeftOut + left };
  return { head: newHead, lines: all.sort((a, b) => a.t - b.t), damaged };
}

/** Halves the limits until the text of the history has at most so many bytes. */
export function fitting(history: History, limits: HistoryLimits, mostBytes: number): History {
  let fits = bounded(history, limits);
  for (
    let part = 2;
    new TextEncoder().encode(historyText(fits)).length > mostBytes && part <= limits.samples;
    part *= 2
  ) {
    const few = (most: number): number => Math.max(1, Math.floor(most / part));
    fits = bounded(fits, {
      samples: few(limits.samples),
      changes: few(limits.changes),
      events: few(limits.events),
      others: few(limits.others),
    });
  }
  return fits;
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
    phase: others,
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
