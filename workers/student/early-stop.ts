/**
 * When training ends before its last epoch, and which evaluation was the best. Pure: a function of the recorded evaluations
 * alone, which are in every checkpoint, so that a resumed attempt ends after the same step (I1). The rules and the names are
 * those of Keras's EarlyStopping.
 */
import type { EarlyStop } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';
import type { TargetSpec } from '../samples/index.js';
import { agreementOf, type TeacherAnswers } from '../models/training.js';
import { heldOutName } from './evaluator.js';
import type { EvaluationRecord } from './progress.js';

export interface Judged {
  /** The last evaluation that improved on all before it; null = none yet. */
  readonly best: EvaluationRecord | null;
  /** Whether as many evaluations followed the best one as the job is patient for. */
  readonly stops: boolean;
}

/** What the evaluations of a job measure. */
export interface Measured {
  /** Of the samples that are held out; null = none are, or they have no targets. */
  readonly target: TargetSpec['kind'] | null;
  /** What teachers answer to held-out samples, and how many numbers; null = they are not asked. */
  readonly teachers: { readonly kind: TeacherAnswers; readonly columns: number } | null;
}

/** Scores of an evaluation by the kind of the targets. */
const scores = {
  class: ['loss', 'accuracy', 'top5Accuracy'],
  classes: ['loss', 'microF1'],
  values: ['loss', 'meanAbsoluteError'],
} satisfies Record<TargetSpec['kind'], readonly EarlyStop['metric'][]>;

const falling: readonly EarlyStop['metric'][] = ['loss', 'meanAbsoluteError', 'heldOutKlDivergence'];

const ofTeachers: readonly string[] = ['heldOutAgreement', 'heldOutTopKOverlap', 'heldOutKlDivergence'];

/** @param evaluations in the order of their steps */
export function judge(
  { metric, patience, minDelta, baseline }: EarlyStop,
  evaluations: readonly EvaluationRecord[],
): Judged {
  const sign = falling.includes(metric) ? -1 : 1;
  let best: EvaluationRecord | null = null;
  let waited = 0;
  let stops = false;
  for (const record of evaluations) {
    const score = sign * (scoreOf(record, metric) ?? NaN);
    waited += 1;
    // False also for a score that is no number.
    const improves = best === null ? !Number.isNaN(score) : score - minDelta > sign * (scoreOf(best, metric) ?? NaN);
    if (improves) best = record;
    // As in Keras: an improvement below the baseline is the best so far, but patience goes on running out.
    if (improves && (baseline === undefined || score - minDelta > sign * baseline)) waited = 0;
    stops = !improves && waited >= patience;
  }
  return { best, stops };
}

function scoreOf(
  { loss, accuracy, metrics }: EvaluationRecord,
  metric: EarlyStop['metric'],
): number | null | undefined {
  if (metric === 'loss') return loss;
  return metric === 'accuracy' ? accuracy : metrics?.[metric];
}

/** @throws WorkerError terminal for a score that no evaluation has */
export function checkEarlyStop(settings: EarlyStop | undefined, { target, teachers }: Measured): void {
  if (settings === undefined) return;
  const measured = [...(target === null ? [] : scores[target]), ...agreementNames(teachers)];
  if (measured.length === 0) {
    throw new WorkerError('terminal', {
      about: 'training.earlyStop',
      problem: 'no samples with labels are held out, so there are no evaluations to stop by',
      remedy: 'hold some out with dataset.split, or leave training.earlyStop out',
    });
  }
  if (measured.includes(settings.metric)) return;
  const asks = ofTeachers.includes(settings.metric) && teachers === null;
  throw new WorkerError('terminal', {
    about: 'training.earlyStop.metric',
    found: settings.metric,
    expected: `a score of this data set: ${measured.join(', ')}`,
    remedy: `choose one of these${asks ? ', or have teachers answer held-out samples (student.evaluation.teacherSamples)' : ''}`,
  });
}

/** Names of the agreement that is measured, as far as a job can stop by them. */
function agreementNames(teachers: Measured['teachers']): readonly string[] {
  if (teachers === null) return [];
  const { kind, columns } = teachers;
  const row = new Float32Array(columns);
  const names = Object.keys(agreementOf(kind, { columns, student: row, teacher: row })).map(heldOutName);
  return names.filter((name) => ofTeachers.includes(name));
}

/**
 * @throws WorkerError terminal when the evaluation lacks the score: `top5Accuracy` of a model with five columns or fewer, or
 * agreement with teachers of which none could answer a held-out sample
 */
export function requireScore({ metric }: EarlyStop, record: EvaluationRecord): void {
  if (typeof scoreOf(record, metric) === 'number') return;
  throw new WorkerError('terminal', {
    about: 'training.earlyStop.metric',
    problem: ofTeachers.includes(metric)
      ? `no teacher could answer a held-out sample, so the evaluations have no ${metric}`
      : `the evaluations of this student have no ${metric}`,
    remedy: 'set it to accuracy or loss',
  });
}
