/**
 * The baseline that most clusters have: one HorizontalPodAutoscaler a job, on CPU utilization, with its default behavior.
 * It reads what the metrics server scraped one period ago, over a window of one period.
 */
import { hpaPeriodSeconds, type Recommendation, replicasByUtilization, stabilized } from './hpa-algorithm.js';
import type { Decision, JobView, Policy } from './policy.js';

export interface HpaOptions {
  /** averageUtilization of the HPA, as a share. */
  readonly target: number;
  /** CPU that a computing teacher uses of what it requests, and one that waits for work. */
  readonly busyUtilization: number;
  readonly idleUtilization: number;
}

export const usualHpa: HpaOptions = { target: 0.7, busyUtilization: 1, idleUtilization: 0.05 };

interface Scraped {
  readonly busyTeacherSeconds: number;
  readonly readyTeacherSeconds: number;
  readonly utilization: number | null;
  readonly recommendations: readonly Recommendation[];
}

export function hpaPolicy(options: HpaOptions = usualHpa): Policy {
  const scrapes = new Map<string, Scraped>();
  return {
    name: `hpa cpu ${options.target * 100} %`,
    priority: 'Preemptible',
    placement: 'Packed',
    leaving: 'Youngest',
    everySeconds: hpaPeriodSeconds,
    afterChangeSeconds: null,
    restSeconds: 0,
    initialReplicas: leastReplicas,
    decide: ({ nowSeconds, jobs }) =>
      jobs.flatMap((job): Decision[] => {
        const before = scrapes.get(job.uid);
        const known = before?.utilization ?? null;
        const bounded = known === null ? null : bound(job, known, nowSeconds, options.target, before?.recommendations);
        scrapes.set(job.uid, {
          busyTeacherSeconds: job.busyTeacherSeconds,
          readyTeacherSeconds: job.readyTeacherSeconds,
          utilization: scrape(job, before, options),
          recommendations: bounded?.recommendations ?? before?.recommendations ?? [],
        });
        return bounded === null ? [] : [{ uid: job.uid, replicas: bounded.replicas }];
      }),
  };
}

/** An HPA never goes to zero: its feature gate HPAScaleToZero is off. */
export function leastReplicas({ minReplicas }: Pick<JobView, 'minReplicas'>): number {
  return Math.max(1, minReplicas);
}

function scrape(job: JobView, before: Scraped | undefined, options: HpaOptions): number | null {
  const ready = job.readyTeacherSeconds - (before?.readyTeacherSeconds ?? 0);
  if (ready <= 0) return null;
  const busy = (job.busyTeacherSeconds - (before?.busyTeacherSeconds ?? 0)) / ready;
  return options.idleUtilization + busy * (options.busyUtilization - options.idleUtilization);
}

function bound(
  job: JobView,
  utilization: number,
  atSeconds: number,
  target: number,
  earlier: readonly Recommendation[] = [],
): ReturnType<typeof stabilized> {
  const replicas = replicasByUtilization({
    currentReplicas: job.desired,
    utilization,
    target,
    readyPods: job.readyTeachers,
    unreadyPods: job.pendingTeachers + job.startingTeachers,
  });
  const bounds = { currentReplicas: job.desired, least: leastReplicas(job), most: job.maxReplicas };
  return stabilized({ atSeconds, replicas }, earlier, bounds);
}
