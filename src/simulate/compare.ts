/** One trace under several policies, and what is to be seen from it. */
import { type Outcome, type Row, rowOf } from './measures.js';
import { policies, type PolicyName } from './policies/index.js';
import { simulation } from './simulation.js';
import type { Trace } from './trace.js';

/** How far a comparison is. */
export interface ComparisonProgress {
  readonly policy: string;
  /** Simulated seconds of that policy's run. */
  readonly nowSeconds: number;
}

/** Events between two words of progress: some tens of milliseconds. */
const sliceEvents = 5_000;
/** Jobs that are not done so long after the last one came never will be. */
const patienceSeconds = 7 * 86_400;

/**
 * Runs them one after the other, in slices, so that whoever asks can show how far it is, and stop.
 * @returns a row for each policy, in their order
 */
export function* compare(trace: Trace, names: readonly PolicyName[]): Generator<ComparisonProgress, Row[]> {
  const alone = yield* run(trace, null);
  const rows: Row[] = [];
  for (const name of names) rows.push(rowOf(yield* run(trace, name), alone));
  return rows;
}

function* run(trace: Trace, name: PolicyName | null): Generator<ComparisonProgress, Outcome> {
  const cutOffSeconds = Math.max(0, ...trace.jobs.slice(-1).map((job) => job.submittedAtSeconds)) + patienceSeconds;
  const running = simulation(trace, name === null ? null : policies[name](), cutOffSeconds);
  while (running.proceed(sliceEvents)) yield { policy: running.policy, nowSeconds: running.nowSeconds };
  return running.outcome();
}

/** A row as a person reads it. */
export function tableRow(row: Row): Record<string, string | number> {
  return {
    policy: row.policy,
    'jobs done': `${row.jobsDone}/${row.jobs}`,
    'completion mean s': row.completionMean.toFixed(0),
    'p50 s': row.completionP50.toFixed(0),
    'p99 s': row.completionP99.toFixed(0),
    'idle used %': (row.idleUsed * 100).toFixed(1),
    'labeling %': (row.idleLabeling * 100).toFixed(1),
    'added wait mean s': row.addedWaitMean.toFixed(2),
    'added p99 s': row.addedWaitP99.toFixed(1),
    'added max s': row.addedWaitMax.toFixed(0),
    starts: row.teacherStarts,
    preempted: row.preemptions,
    'wasted h': (row.wastedTeacherSeconds / 3_600).toFixed(0),
    'wasted %': (row.wastedShare * 100).toFixed(1),
  };
}

/** What issue and design hope for, and whether it came so. Never a reason to fail: a simulation tells what is. */
export interface Goal {
  readonly goal: string;
  readonly met: boolean;
  readonly found: string;
}

const leastIdleUsed = 0.95;

/** Ours against every policy that is not; none when ours did not run. @param rows one for each name */
export function goalsAmong(rows: readonly Row[], names: readonly PolicyName[], graceSeconds: number): Goal[] {
  const ours = rows[names.indexOf('distillery')];
  const others = rows.filter((_, index) => names[index]?.startsWith('distillery') === false);
  return ours === undefined ? [] : goalsOf(ours, others, graceSeconds);
}

function goalsOf(ours: Row, others: readonly Row[], graceSeconds: number): Goal[] {
  return [
    {
      goal: `at least ${leastIdleUsed * 100} % of idle slot-seconds used while there is demand`,
      met: ours.idleUsed >= leastIdleUsed,
      found: `${(ours.idleUsed * 100).toFixed(1)} %`,
    },
    {
      goal: `neighbors' added wait p99 at most the grace period of ${graceSeconds} s`,
      met: ours.addedWaitP99 <= graceSeconds,
      found: `${ours.addedWaitP99.toFixed(1)} s`,
    },
    ...others.map((other): Goal => {
      return {
        goal: `sooner done than ${other.policy}, neighbors waiting less, both on average`,
        met:
          ours.jobsDone >= other.jobsDone &&
          ours.completionMean < other.completionMean &&
          ours.addedWaitMean < other.addedWaitMean,
        found:
          `${ours.completionMean.toFixed(0)} s against ${other.completionMean.toFixed(0)} s, ` +
          `${ours.addedWaitMean.toFixed(2)} s against ${other.addedWaitMean.toFixed(2)} s`,
      };
    }),
  ];
}
