/**
 * Adds what happened to a history that was stored earlier, perhaps by another process. Pure.
 *
 * Invariants:
 *  continued/1 Adding the same lines twice has the effect of adding them once: a write whose answer was lost is repeated.
 *  continued/2 What a new process repeats because it does not know it was recorded (a runtime, the teachers of a pool, the
 *     phase) is recorded once.
 */
import { jsonEqual, omit } from '@distillery/base';

import { isDue } from './bounded.js';
import { type History, type HistoryLine, type LineOf, linesOf, soundLines } from './history.js';

/** @param news in the order of time */
export function continued(stored: History, news: readonly HistoryLine[]): History {
  const sound = soundLines(news);
  const first = sound[0]?.t ?? 0;
  const present = new Set(stored.lines.filter(({ t }) => t >= first).map((line) => JSON.stringify(line)));
  const lines = [...stored.lines];
  for (const line of sound) {
    // Another process may have recorded what came later.
    const at = lines.findLastIndex(({ t }) => t <= line.t) + 1;
    const before = lines.slice(0, at);
    if (present.has(JSON.stringify(line)) || isRepeated(line, before, stored.head.intervalMs)) continue;
    lines.splice(at, 0, line);
  }
  return { ...stored, lines };
}

/** @param before lines up to its time */
function isRepeated(line: HistoryLine, before: readonly HistoryLine[], intervalMs: number): boolean {
  switch (line.kind) {
    case 'sample':
      // The last sample of a run comes early, and mostly says more than the one before it.
      if (line.isLast !== true) return !isDue(before, intervalMs, line.t);
      return sameTelemetry(linesOf(before, 'sample').at(-1), line);
    case 'runtime':
      return before.some((each) => each.kind === 'runtime' && each.role === line.role && each.runtime === line.runtime);
    case 'teachers': {
      const last = before.findLast((each) => each.kind === 'teachers' && each.pool === line.pool);
      return last?.kind === 'teachers' && sameTeachers(last, line);
    }
    case 'phase': {
      const last = before.findLast(({ kind }) => kind === 'phase');
      return last?.kind === 'phase' && last.phase === line.phase;
    }
    case 'start':
    case 'event':
    case 'end':
    case 'scores':
      return false;
  }
}

/** True of samples that differ in their time alone, which shifts a little with each reading of the same telemetry. */
export function sameTelemetry(a: LineOf<'sample'> | null | undefined, b: LineOf<'sample'>): boolean {
  if (a === null || a === undefined) return false;
  return jsonEqual(omit(a, 't', 'isLast'), omit(b, 't', 'isLast'));
}

interface Teachers {
  readonly desired: number;
  readonly ready: number;
  readonly reason: string;
}

export function sameTeachers(a: Teachers, b: Teachers): boolean {
  return a.desired === b.desired && a.ready === b.ready && a.reason === b.reason;
}
