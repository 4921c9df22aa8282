/**
 * What a run is judged by. The rules are the same for every policy:
 *
 *  measures/M1 A job's completion time counts from its submission to its last trained step.
 *  measures/M2 Usable slots are those that no neighbor holds, as many as the jobs at that instant could use: Σ over
 *     jobs of the teachers that keep the student busy. A slot is used while a teacher holds it that was not told to go,
 *     per job no more than it could use. Slots that stand still while no job wants one count for nobody and against
 *     nobody.
 *  measures/M3 A neighbor's added wait is its wait here less its wait in the same trace without any teacher.
 *  measures/M4 Wasted teacher seconds: starting, ready without work, and from the order to go until the slot is free.
 */
import { type Job, teachersNeeded } from './job.js';

export interface Outcome {
  readonly policy: string;
  /** Seconds, in the order of the trace's jobs; null = not done when the run was cut off. */
  readonly completionSeconds: readonly (number | null)[];
  /** Seconds, in the order of the trace's neighbors; null = never bound. */
  readonly waitSeconds: readonly (number | null)[];
  readonly slots: number;
  /** Slot-seconds (measures/M2). */
  readonly usableSlotSeconds: number;
  readonly usedSlotSeconds: number;
  /** The same by teachers that are ready, not only bound. */
  readonly readySlotSeconds: number;
  readonly teacherStarts: number;
  /** Teachers that went because a neighbor needed their slot. */
  readonly preemptions: number;
  readonly startingSeconds: number;
  readonly waitingSeconds: number;
  readonly drainingSeconds: number;
  readonly busySeconds: number;
  /** Over all jobs. */
  readonly trainedSteps: number;
  readonly events: number;
}

export interface Meter {
  /** A job's teachers or needs may have changed. */
  update(job: Job): void;
  /** Counts what holds up to now. */
  count(nowSeconds: number, idleSlots: number): void;
  usage(): Pick<Outcome, 'usableSlotSeconds' | 'usedSlotSeconds' | 'readySlotSeconds'>;
}

interface Part {
  readonly needed: number;
  readonly held: number;
  readonly ready: number;
}

const nothing: Part = { needed: 0, held: 0, ready: 0 };

/** Keeps the sums of measures/M2 as jobs change, so that an event costs one job's part and not all. */
export function meter(): Meter {
  const parts = new Map<Job, Part>();
  const sums = { needed: 0, held: 0, ready: 0 };
  let [usable, used, ready, countedTo] = [0, 0, 0, 0];
  return {
    update: (job) => {
      const before = parts.get(job) ?? nothing;
      const needed = teachersNeeded(job);
      const held = Math.min(needed, job.starting.size + job.ready.size);
      const after = { needed, held, ready: Math.min(needed, job.ready.size) };
      sums.needed += after.needed - before.needed;
      sums.held += after.held - before.held;
      sums.ready += after.ready - before.ready;
      parts.set(job, after);
    },
    count: (nowSeconds, idleSlots) => {
      const seconds = nowSeconds - countedTo;
      countedTo = nowSeconds;
      usable += Math.min(idleSlots, sums.needed) * seconds;
      used += Math.min(idleSlots, sums.held) * seconds;
      ready += Math.min(idleSlots, sums.ready) * seconds;
    },
    usage: () => ({ usableSlotSeconds: usable, usedSlotSeconds: used, readySlotSeconds: ready }),
  };
}

/** One row of the table; seconds unless said otherwise. */
export interface Row {
  readonly policy: string;
  readonly jobsDone: number;
  readonly jobs: number;
  /** Over the jobs that were done. */
  readonly completionMean: number;
  readonly completionP50: number;
  readonly completionP99: number;
  /** Shares from 0 to 1 (measures/M2). */
  readonly idleUsed: number;
  readonly idleLabeling: number;
  readonly addedWaitMean: number;
  readonly addedWaitP99: number;
  readonly addedWaitMax: number;
  readonly teacherStarts: number;
  readonly preemptions: number;
  /** measures/M4, and as a share of all teacher seconds. */
  readonly wastedTeacherSeconds: number;
  readonly wastedShare: number;
}

/** @param alone the same trace without teachers (measures/M3) */
export function rowOf(outcome: Outcome, alone: Outcome): Row {
  const done = outcome.completionSeconds.filter((seconds) => seconds !== null);
  const added = outcome.waitSeconds.flatMap((wait, index) => {
    const usual = alone.waitSeconds[index];
    return wait === null || usual === undefined || usual === null ? [] : [wait - usual];
  });
  const wasted = outcome.startingSeconds + outcome.waitingSeconds + outcome.drainingSeconds;
  return {
    policy: outcome.policy,
    jobsDone: done.length,
    jobs: outcome.completionSeconds.length,
    completionMean: mean(done),
    completionP50: quantile(done, 0.5),
    completionP99: quantile(done, 0.99),
    idleUsed: ratio(outcome.usedSlotSeconds, outcome.usableSlotSeconds),
    idleLabeling: ratio(outcome.readySlotSeconds, outcome.usableSlotSeconds),
    addedWaitMean: mean(added),
    addedWaitP99: quantile(added, 0.99),
    addedWaitMax: quantile(added, 1),
    teacherStarts: outcome.teacherStarts,
    preemptions: outcome.preemptions,
    wastedTeacherSeconds: wasted,
    wastedShare: ratio(wasted, wasted + outcome.busySeconds),
  };
}

function ratio(part: number, whole: number): number {
  return whole === 0 ? 0 : part / whole;
}

function mean(values: readonly number[]): number {
  return ratio(
    values.reduce((sum, value) => sum + value, 0),
    values.length,
  );
}

/** The least value that `share` of all do not exceed; 0 of none. */
function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? 0;
}
