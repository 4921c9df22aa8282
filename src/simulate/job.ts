/**
 * A distillation job under way. Steps flow: teachers fill the buffer, the student drains it, each at a rate that stays the
 * same until something turns (the buffer empty or full, the last step labelled or trained, a teacher come or gone). So a
 * day of steps costs as many events as there are turns.
 *
 * Invariants:
 *  job/J1 0 ≤ trained ≤ labelled ≤ steps, and labelled − trained ≤ window (I1, I4).
 *  job/J2 A teacher told to go hands its unfinished items back at once: its time is lost, no step is.
 */
import type { Node } from './cluster.js';
import type { TraceJob } from './trace.js';

export interface Teacher {
  readonly job: Job;
  phase: 'Pending' | 'Starting' | 'Ready' | 'Leaving';
  node: Node<Teacher> | null;
  /** Steps a second, once it is bound. */
  rate: number;
  phaseSinceSeconds: number;
  readonly createdAtSeconds: number;
}

export interface Job {
  readonly spec: TraceJob;
  phase: 'Starting' | 'Training' | 'Done';
  /** What the policy last asked for. */
  desired: number;
  readonly pending: Set<Teacher>;
  readonly starting: Set<Teacher>;
  readonly ready: Set<Teacher>;
  /** Sum of the ready teachers' rates, steps a second. */
  rate: number;
  labelledSteps: number;
  trainedSteps: number;
  /** Steps and times are counted up to here. */
  countedToSeconds: number;
  /** Ready teachers × seconds in which they computed, and all of them. */
  busyTeacherSeconds: number;
  readyTeacherSeconds: number;
  endedAtSeconds: number | null;
  /** Counts the turns that were foretold; an older one is void. */
  turn: number;
}

export function startedJob(spec: TraceJob): Job {
  return {
    spec,
    phase: 'Starting',
    desired: 0,
    pending: new Set(),
    starting: new Set(),
    ready: new Set(),
    rate: 0,
    labelledSteps: 0,
    trainedSteps: 0,
    countedToSeconds: spec.submittedAtSeconds,
    busyTeacherSeconds: 0,
    readyTeacherSeconds: 0,
    endedAtSeconds: null,
    turn: 0,
  };
}

/** Steps this close are the same: sums of products of rates and seconds are not exact, and time has its least step, too. */
const closeSteps = 1e-6;

/** Steps a second that are labelled and trained now. */
export function flowOf({ spec, phase, rate, labelledSteps, trainedSteps }: Job): {
  readonly labelled: number;
  readonly trained: number;
} {
  // It is the student that feeds: without it there is no work.
  if (phase !== 'Training') return { labelled: 0, trained: 0 };
  const buffered = labelledSteps - trainedSteps;
  const student = spec.studentStepsPerSecond;
  if (isLabelled({ spec, labelledSteps })) return { labelled: 0, trained: student };
  const labelled = buffered > spec.windowSteps - closeSteps ? Math.min(rate, student) : rate;
  return { labelled, trained: buffered < closeSteps ? Math.min(student, labelled) : student };
}

/** Whether the logits of every step are there: no teacher is needed any more. */
function isLabelled({ spec, labelledSteps }: Pick<Job, 'spec' | 'labelledSteps'>): boolean {
  return labelledSteps >= spec.steps;
}

/** Counts steps and times up to `nowSeconds`. */
export function advance(job: Job, nowSeconds: number): void {
  const seconds = nowSeconds - job.countedToSeconds;
  if (seconds <= 0) return;
  const { labelled, trained } = flowOf(job);
  job.countedToSeconds = nowSeconds;
  job.readyTeacherSeconds += job.ready.size * seconds;
  if (job.rate > 0) job.busyTeacherSeconds += job.ready.size * seconds * (labelled / job.rate);
  job.labelledSteps = atMost(job.spec.steps, job.labelledSteps + labelled * seconds);
  job.trainedSteps = atMost(job.labelledSteps, job.trainedSteps + trained * seconds);
}

function atMost(limit: number, value: number): number {
  return value > limit - closeSteps ? limit : value;
}

/** Seconds until the flow changes by itself; Infinity = never. */
export function secondsToTurn(job: Job): number {
  const { spec, labelledSteps, trainedSteps } = job;
  const { labelled, trained } = flowOf(job);
  const buffered = labelledSteps - trainedSteps;
  const waits = [Infinity];
  if (labelled < trained) waits.push(buffered / (trained - labelled));
  if (labelled > trained) waits.push((spec.windowSteps - buffered) / (labelled - trained));
  if (labelled > 0) waits.push((spec.steps - labelledSteps) / labelled);
  if (trained > 0) waits.push((spec.steps - trainedSteps) / trained);
  return Math.min(...waits);
}

/** Teachers of an accelerator of speed 1 that keep the student busy, within the job's bounds; 0 once all is labelled. */
export function teachersNeeded({ spec, phase, labelledSteps }: Job): number {
  if (phase === 'Done' || isLabelled({ spec, labelledSteps })) return 0;
  return Math.min(spec.maxReplicas, Math.ceil(spec.studentStepsPerSecond / spec.teacherStepsPerSecond - closeSteps));
}
