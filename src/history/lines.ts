/** What a history says of one decision. Pure. */
import type { EventDraft } from '../api/index.js';
import type { Plan, Snapshot } from '../domain/index.js';

import { sameTeachers } from './continued.js';
import { type HistoryLine, type LineOf, linesOf } from './history.js';

/** @returns null before the first report of the student, and while it loads: the step is then that of an earlier attempt */
export function sampleOf({ streams, cluster }: Snapshot, t: number): LineOf<'sample'> | null {
  if (streams.state !== 'Present' || streams.student === null || streams.student.loading === true) return null;
  const { student, teachers } = streams;
  const alive = new Set(cluster.pools.flatMap(({ pods }) => pods.map(({ name }) => name)));
  const { step, epoch, loss, accuracy, metrics = {} } = student;
  const scores = { ...metrics, ...(accuracy === null ? {} : { accuracy }) };
  return {
    kind: 'sample',
    t,
    step,
    epoch,
    loss: loss === null ? null : short(loss),
    metrics: Object.fromEntries(Object.entries(scores).map(([name, value]) => [name, short(value)])),
    samplesPerSecond: short(student.samplesPerSecond),
    unstarvedSamplesPerSecond: short(student.unstarvedSamplesPerSecond),
    waitFraction: short(student.waitFraction),
    bufferFrames: student.buffer.frames,
    bufferBytes: student.buffer.bytes,
    teacherSamplesPerSecond: short(
      teachers.filter(({ pod }) => alive.has(pod)).reduce((sum, teacher) => sum + teacher.samplesPerSecond, 0),
    ),
  };
}

/** More digits than a drawing shows would only fill the disk. */
function short(value: number): number {
  return Number(value.toPrecision(6));
}

const longestWhy = 300;

/** What differs from the lines before: the teachers of a pool, a runtime that was not seen yet. */
export function changesOf(
  { streams }: Snapshot,
  { status }: Plan,
  lines: readonly HistoryLine[],
  t: number,
): readonly HistoryLine[] {
  const known = new Map(linesOf(lines, 'teachers').map((line) => [line.pool, line]));
  const pools = (status.teachers?.pools ?? []).flatMap(({ name, desired, ready, reason, why = '' }): HistoryLine[] => {
    const before = known.get(name);
    if (before !== undefined && sameTeachers(before, { desired, ready, reason })) return [];
    return [{ kind: 'teachers', t, pool: name, desired, ready, reason, why: why.slice(0, longestWhy) }];
  });
  if (streams.state !== 'Present') return pools;
  const seen = new Set(linesOf(lines, 'runtime').map(({ role, runtime }) => `${role} ${runtime}`));
  const student = streams.student === null ? [] : [{ role: 'student' as const, runtime: streams.student.runtime }];
  const teachers = streams.teachers.map(({ runtime }) => ({ role: 'teacher' as const, runtime }));
  const runtimes = [...student, ...teachers].flatMap(({ role, runtime }): HistoryLine[] => {
    const key = `${role} ${runtime}`;
    if (runtime === '' || seen.has(key)) return [];
    seen.add(key);
    return [{ kind: 'runtime', t, role, runtime }];
  });
  return [...runtimes, ...pools];
}

/** @returns null when the phase is that of the latest such line */
export function phaseChange({ status }: Plan, lines: readonly HistoryLine[], t: number): LineOf<'phase'> | null {
  const { phase } = status;
  const before = linesOf(lines, 'phase').at(-1)?.phase;
  return phase === undefined || phase === before ? null : { kind: 'phase', t, phase };
}

const longestMessage = 1_024;

export function eventLine({ type, reason, message }: EventDraft, step: number, t: number): HistoryLine {
  return { kind: 'event', t, step, severity: type, reason, message: message.slice(0, longestMessage) };
}
