/**
 * A distillation job under way. Steps flow: teachers fill the buffer, the student drains it, each at a rate that is
 * constant until something turns (the buffer becomes empty or full, the last step is labeled or trained, a teacher starts
 * or leaves). So a day of steps costs only one event per turn.
 *
 * Invariants:
 *  job/J1 0 ≤ trained ≤ labeled ≤ steps, and labeled − trained ≤ window (I1, I4).
 *  job/J2 A teacher that gets SIGTERM returns its unfinished items at once: its time is lost, no step is.
 */
import type { Node } from './cluster.js';
import type { TraceJob } from './trace.js';

export interface Teacher {
  readonly job: Job;
  phase: 'Pending' | 'Starting' | 'Ready' | 'Leaving';
  node: Node<Teacher> | null;
  /** Its rate in steps per second, once it is bound. */
  rate: number;
  phaseSinceSeconds: number;
  readonly createdAtSeconds: number;
}

export interface Job {
  readonly spec: TraceJob;
  phase: 'Starting' | 'Training' | 'Done';
  /** Replicas that the policy last requested. */
  desired: number;
  readonly pending: Set<Teacher>;
  readonly starting: Set<Teacher>;
  readonly ready: Set<Teacher>;
  /** Sum of the ready teachers' rates, steps a second. */
  rate: number;
  labeledSteps: number;
  trainedSteps: number;
  /** Time up to which steps and times are counted. */
  countedToSeconds: number;
  /** Teacher-seconds: of computing teachers, and of all ready ones. */
  busyTeacherSeconds: number;
  readyTeacherSeconds: number;
  endedAtSeconds: number | null;
  /** Number of the latest scheduled turn; events of older turns are void. */
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

/** Steps within this distance are equal: sums of products of rates and seconds are not exact, and neither is time. */
const closeSteps = 1e-6;

/** Current rates of labeling and training, in steps per second. */
export function flowOf({ spec, phase, rate, labeledSteps, trainedSteps }: Job): {
  readonly labeled: number;
  readonly trained: number;
} {
  // The student feeds the work: without it there is none.
  if (phase !== 'Training') return { labeled: 0, trained: 0 };
  const buffered = labeledSteps - trainedSteps;
  const student = spec.studentStepsPerSecond;
  if (isLabeled({ spec, labeledSteps })) return { labeled: 0, trained: student };
  const labeled = buffered > spec.windowSteps - closeSteps ? Math.min(rate, student) : rate;
  return { labeled, trained: buffered < closeSteps ? Math.min(student, labeled) : student };
}

/** True when the logits of every step exist: no teacher is needed any more. */
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
