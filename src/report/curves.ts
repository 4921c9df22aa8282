/** The curves of a report: by step from the result or the history, by running time from the history. Pure. */
import { type History, type LineOf, linesOf, runningTime } from '../history/index.js';

import type { Curve, Figure, Mark } from './figure.js';
import type { ReportInput, Trained } from './input.js';
import { metricGroups, metricLabel } from './metric-names.js';
import type { Point } from './thin.js';

/** Losses and scores by step. */
export function learningFigures(input: ReportInput): Figure[] {
  const marks = stepMarks(input.history);
  const sides = [
    { name: 'student', trained: input as Trained },
    { name: 'baseline', trained: input.baseline },
  ];
  const curves = (pointsOf: (trained: Trained) => readonly Point[], label: string): Curve[] =>
    sides.flatMap(({ name, trained }) => {
      const points = trained === null ? [] : pointsOf(trained);
      return points.length === 0
        ? []
        : [
            {
              name: label === '' ? name : `${name === 'baseline' ? 'baseline: ' : ''}${label}`,
              points,
              shape: 'line' as const,
            },
          ];
    });
  const byStep = { x: 'step', marks, strips: [] } as const;
  const loss: Figure = {
    ...byStep,
    id: 'loss',
    title: 'Training loss',
    about:
      'Mean loss of the latest steps. The baseline, if there is one, minimizes another loss: compare scores, not losses.',
    y: 'number',
    curves: curves(lossPoints, ''),
  };
  const heldOut: Figure = {
    ...byStep,
    id: 'evaluation-loss',
    title: 'Loss on the evaluation split',
    about: 'Mean hard loss of a sample, against its label.',
    y: 'number',
    curves: curves(evaluationLoss, ''),
  };
  const names = metricsIn(input);
  const groups = metricGroups(names).map(({ id, title, about, y, metrics }): Figure => ({
    ...byStep,
    id,
    title,
    about,
    y,
    curves: metrics.flatMap((metric) => curves((trained) => metricPoints(trained, metric), metricLabel(metric))),
  }));
  return [loss, heldOut, ...groups];
}

/** Rates, waiting and the buffer by running time. */
export function flowFigures({ history }: ReportInput): Figure[] {
  if (history === null) return [];
  const at = runningTime(history.lines);
  const samples = linesOf(history.lines, 'sample');
  const curve = (name: string, value: (sample: LineOf<'sample'>) => number): Curve => ({
    name,
    points: samples.map((sample) => ({ x: at(sample.t), y: value(sample) })),
    shape: 'line',
  });
  const byTime = { x: 'time', y: 'count', marks: timeMarks(history), strips: [] } as const;
  return [
    {
      ...byTime,
      id: 'throughput',
      title: 'Throughput',
      about: 'Samples a second that the student trained and that all teachers together labeled.',
      curves: [
        curve('student', ({ samplesPerSecond }) => samplesPerSecond),
        curve('student without waiting', ({ unstarvedSamplesPerSecond }) => unstarvedSamplesPerSecond),
        curve('teachers', ({ teacherSamplesPerSecond }) => teacherSamplesPerSecond),
      ],
    },
    {
      ...byTime,
      id: 'waiting',
      title: 'Waiting for logits',
      about: 'Share of the last seconds that the student waited for its teachers.',
      y: 'share',
      curves: [curve('student', ({ waitFraction }) => waitFraction)],
    },
    {
      ...byTime,
      id: 'buffer',
      title: 'Buffer',
      about: 'Frames of logits that were stored and not yet trained.',
      curves: [curve('frames', ({ bufferFrames }) => bufferFrames)],
    },
  ];
}

function lossPoints({ result, history }: Trained): readonly Point[] {
  if (result !== null) return finite(result.losses.map(({ step, loss }) => ({ x: step, y: loss })));
  return rising(samplesIn(history).map(({ step, loss }) => ({ x: step, y: loss })));
}

function evaluationLoss({ result }: Trained): readonly Point[] {
  return finite((result?.evaluations ?? []).map(({ step, loss }) => ({ x: step, y: loss })));
}

function metricPoints({ result, history }: Trained, metric: string): readonly Point[] {
  if (result === null)
    return rising(samplesIn(history).map(({ step, metrics }) => ({ x: step, y: metrics[metric] ?? null })));
  const evaluated = result.evaluations.map(({ step, metrics, accuracy }) => ({
    x: step,
    y: metrics?.[metric] ?? (metric === 'accuracy' ? accuracy : null),
  }));
  const trained = result.losses.map(({ step, metrics }) => ({ x: step, y: metrics?.[metric] ?? null }));
  return finite([...evaluated, ...trained]).sort((a, b) => a.x - b.x);
}

/** Names of every metric of the run and its baseline. */
function metricsIn({ result, history, baseline }: ReportInput): ReadonlySet<string> {
  const names = new Set<string>();
  for (const each of [{ result, history }, baseline]) {
    for (const { metrics = {} } of [...(each?.result?.evaluations ?? []), ...(each?.result?.losses ?? [])]) {
      Object.keys(metrics).forEach((name) => names.add(name));
    }
    if (each?.result?.evaluations.some(({ accuracy }) => accuracy !== null) === true) names.add('accuracy');
    for (const { metrics } of samplesIn(each?.history ?? null)) Object.keys(metrics).forEach((name) => names.add(name));
  }
  return names;
}

function samplesIn(history: History | null): readonly LineOf<'sample'>[] {
  return history === null ? [] : linesOf(history.lines, 'sample');
}

interface Maybe {
  readonly x: number;
  readonly y: number | null;
}

function finite(points: readonly Maybe[]): Point[] {
  return points.flatMap(({ x, y }) => (y !== null && Number.isFinite(x) && Number.isFinite(y) ? [{ x, y }] : []));
}

/** A student that continues from a checkpoint trains some steps again: they are drawn once. */
function rising(points: readonly Maybe[]): Point[] {
  const kept: Point[] = [];
  for (const point of finite(points)) {
    const last = kept.at(-1);
    if (last === undefined || point.x > last.x) kept.push(point);
  }
  return kept;
}

/** Events that disturb a run, beside all warnings. */
const disruptive: ReadonlySet<string> = new Set(['TeacherLost', 'StudentLost', 'Suspended', 'Resumed']);

/** What disturbed the run, and when it was resumed. */
export function disruptionsOf(
  history: History | null,
): readonly { readonly t: number; readonly step: number; readonly text: string }[] {
  if (history === null) return [];
  let step = 0;
  let starts = 0;
  return history.lines.flatMap((line) => {
    if (line.kind === 'sample') step = line.step;
    if (line.kind === 'start') {
      starts += 1;
      return starts === 1 ? [] : [{ t: line.t, step, text: 'The run was resumed.' }];
    }
    if (line.kind !== 'event' || (line.severity !== 'Warning' && !disruptive.has(line.reason))) return [];
    return [{ t: line.t, step: line.step, text: `${line.reason}: ${line.message}` }];
  });
}

export function timeMarks(history: History): Mark[] {
  const at = runningTime(history.lines);
  return disruptionsOf(history).map(({ t, text }) => ({ x: at(t), text }));
}

function stepMarks(history: History | null): Mark[] {
  return disruptionsOf(history).map(({ step, text }) => ({ x: step, text }));
}
