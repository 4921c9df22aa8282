/** The teachers of a run over its running time, and why they were so many. Pure. */
import { demandText } from '../api/index.js';
import { type LineOf, linesOf, runningTime } from '../history/index.js';

import type { Curve, Figure, Strip } from './figure.js';
import { timeMarks } from './curves.js';
import type { ReportInput } from './input.js';

/** Pools with curves of their own; a job has one or two. */
const mostPools = 3;

/** @returns null without a history, and for a job without teachers */
export function teachersFigure({ history }: ReportInput): Figure | null {
  if (history === null) return null;
  const changes = linesOf(history.lines, 'teachers');
  if (changes.length === 0) return null;
  const at = runningTime(history.lines);
  const end = at(history.lines.at(-1)?.t ?? 0);
  const pools = [...new Set(changes.map(({ pool }) => pool))];
  const curves = pools.slice(0, mostPools).flatMap((pool): Curve[] => {
    const own = changes.filter((change) => change.pool === pool);
    const curve = (name: string, value: (change: LineOf<'teachers'>) => number): Curve => {
      const points = own.map((change) => ({ x: at(change.t), y: value(change) }));
      const last = points.at(-1);
      return { name, points: last === undefined ? [] : [...points, { x: end, y: last.y }], shape: 'steps' };
    };
    const name = pools.length === 1 ? '' : `${pool}: `;
    return [curve(`${name}ready`, ({ ready }) => ready), curve(`${name}desired`, ({ desired }) => desired)];
  });
  const strips = pools.slice(0, mostPools).map((pool): Strip => {
    const own = changes.filter((change) => change.pool === pool);
    const bands = own.map(({ t, reason }, index) => ({
      from: at(t),
      to: own[index + 1] === undefined ? end : at(own[index + 1]?.t ?? t),
      reason: demandText(reason),
    }));
    return { name: pool, bands };
  });
  return {
    id: 'teachers',
    title: 'Teachers',
    about: 'Teachers that labeled samples, and those that the job should have had. The strip above names the reason.',
    x: 'time',
    y: 'count',
    curves,
    marks: timeMarks(history),
    strips,
  };
}
