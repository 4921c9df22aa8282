/**
 * A distillation job under way. Steps flow: teachers fill the buffer, the student drains it, each at a rate that stays the
 * same until something turns (the buffer empty or full, the last step labeled or trained, a teacher come or gone). So a
 * day of steps costs as many events as there are turns.
 *
 * Invariants:
 *  job/J1 0 ≤ trained ≤ labeled ≤ steps, and labeled − trained ≤ window (I1, I4).
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
  labeledSteps: number;
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
    labeledSteps: 0,
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

/** Steps a second that are labeled and trained now. */
export function flowOf({ spec, phase, rate, labeledSteps, trainedSteps }: Job): {
  readonly labeled: number;
  readonly trained: number;
} {
  // It is the student that feeds: without it there is no work.
  if (phase !== 'Training') return { labeled: 0, trained: 0 };
  const buffered = labeledSteps - trainedSteps;
  const student = spec.studentStepsPerSecond;
  if (isLabeled({ spec, labeledSteps })) return { labeled: 0, trained: student };
  const labeled = buffered > spec.windowSteps - closeSteps ? Math.min(rate, student) : rate;
  return { labeled, trained: buffered < closeSteps ? Math.min(student, labeled) : student };
}

/** Whether the logits of every step are there: no teacher is needed any more. */
function isLabeled({ spec, labeledSteps }: Pick<Job, 'spec' | 'labeledSteps'>): boolean {
  return labeledSteps >= spec.steps;
}

/** Counts steps and times up to `nowSeconds`. */
export function advance(job: Job, nowSeconds: number): void {
  const seconds = nowSeconds - job.countedToSeconds;
  if (seconds <= 0) return;
  const { labeled, trained } = flowOf(job);
  job.countedToSeconds = nowSeconds;
  job.readyTeacherSeconds += job.ready.size * seconds;
  if (job.rate > 0) job.busyTeacherSeconds += job.ready.size * seconds * (labeled / job.rate);
  job.labeledSteps = atMost(job.spec.steps, job.labeledSteps + labeled * seconds);
  job.trainedSteps = atMost(job.labeledSteps, job.trainedSteps + trained * seconds);
}

function atMost(limit: number, value: number): number {
  return value > limit - closeSteps ? limit : value;
}

/** Seconds until the flow changes by itself; Infinity = never. */
export function secondsToTurn(job: Job): number {
  const { spec, labeledSteps, trainedSteps } = job;
  const { labeled, trained } = flowOf(job);
  const buffered = labeledSteps - trainedSteps;
  const waits = [Infinity];
  if (labeled < trained) waits.push(buffered / (trained - labeled));
  if (labeled > trained) waits.push((spec.windowSteps - buffered) / (labeled - trained));
  if (labeled > 0) waits.push((spec.steps - labeledSteps) / labeled);
  if (trained > 0) waits.push((spec.steps - trainedSteps) / trained);
  return Math.min(...waits);
}

/** Teachers of an accelerator of speed 1 that keep the student busy, within the job's bounds; 0 once all is labeled. */
export function teachersNeeded({ spec, phase, labeledSteps }: Job): number {
  if (phase === 'Done' || isLabeled({ spec, labeledSteps })) return 0;
  return Math.min(spec.maxReplicas, Math.ceil(spec.studentStepsPerSecond / spec.teacherStepsPerSecond - closeSteps));
}
