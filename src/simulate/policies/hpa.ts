/**
 * The baseline that most clusters have: one HorizontalPodAutoscaler a job, on CPU utilisation, with its default behaviour.
 * It reads what the metrics server scraped one period ago, over a window of one period.
 */
import { hpaPeriodSeconds, type Recommendation, replicasByUtilisation, stabilised } from './hpa-algorithm.js';
import type { Decision, JobView, Policy } from './policy.js';

export interface HpaOptions {
  /** averageUtilization of the HPA, as a share. */
  readonly target: number;
  /** CPU that a computing teacher uses of what it requests, and one that waits for work. */
  readonly busyUtilisation: number;
  readonly idleUtilisation: number;
}

export const usualHpa: HpaOptions = { target: 0.7, busyUtilisation: 1, idleUtilisation: 0.05 };

interface Scraped {
  readonly busyTeacherSeconds: number;
  readonly readyTeacherSeconds: number;
  readonly utilisation: number | null;
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
        const known = before?.utilisation ?? null;
        const bounded = known === null ? null : bound(job, known, nowSeconds, options.target, before?.recommendations);
        scrapes.set(job.uid, {
          busyTeacherSeconds: job.busyTeacherSeconds,
          readyTeacherSeconds: job.readyTeacherSeconds,
          utilisation: scrape(job, before, options),
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
  return options.idleUtilisation + busy * (options.busyUtilisation - options.idleUtilisation);
}

function bound(
  job: JobView,
  utilisation: number,
  atSeconds: number,
  target: number,
  earlier: readonly Recommendation[] = [],
): ReturnType<typeof stabilised> {
  const replicas = replicasByUtilisation({
    currentReplicas: job.desired,
    utilisation,
    target,
    readyPods: job.readyTeachers,
    unreadyPods: job.pendingTeachers + job.startingTeachers,
  });
  const bounds = { currentReplicas: job.desired, least: leastReplicas(job), most: job.maxReplicas };
  return stabilised({ atSeconds, replicas }, earlier, bounds);
}
