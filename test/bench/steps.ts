/** Waits and pauses of a student in a period of time, from its compute thread's report of each step. Pure. */
import type { StepReport } from './reports.js';

/** A period, in milliseconds since 1970. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Share of the period, 0 … 1, in which the compute thread waited; a wait that extends beyond it counts in part. */
export function waitShare(steps: readonly StepReport[], stretch: Stretch): number {
  let waitedMs = 0;
  for (const { atMs, busyMs, idleMs } of steps) {
    const busyFromMs = atMs - busyMs;
    waitedMs += Math.max(0, Math.min(busyFromMs, stretch.toMs) - Math.max(busyFromMs - idleMs, stretch.fromMs));
  }
  return waitedMs / (stretch.toMs - stretch.fromMs);
}

/** Longest time between the ends of two consecutive steps, in milliseconds, among pauses that overlap the period. */
export function longestPauseMs(steps: readonly StepReport[], stretch: Stretch): number {
  let longestMs = 0;
  for (const [index, { atMs }] of steps.entries()) {
    const beforeMs = steps[index - 1]?.atMs;
    if (beforeMs === undefined || atMs <= stretch.fromMs || beforeMs >= stretch.toMs) continue;
    longestMs = Math.max(longestMs, atMs - beforeMs);
  }
  return longestMs;
}

/** Number of steps below `end` that were trained more than once or not at all. */
export function repeatedOrLost(steps: readonly StepReport[], end: number): number {
  const trained = new Set(steps.map(({ step }) => step));
  const lost = Math.abs(end - trained.size);
  return steps.length - trained.size + lost;
}

export interface TimedRate {
  readonly stepsPerSecond: number;
  /** Share of the time in which the student waited for logits. */
  readonly waited: number;
}

/** Of the steps after `settling`. */
export function rateOf(steps: readonly StepReport[], settling: number, measured: number): TimedRate {
  const [from, to] = [steps[settling], steps[settling + measured]];
  if (from === undefined || to === undefined) throw new RangeError(`found ${String(steps.length)} steps`);
  return {
    stepsPerSecond: (1_000 * measured) / (to.atMs - from.atMs),
    waited: waitShare(steps, { fromMs: from.atMs, toMs: to.atMs }),
  };
}
