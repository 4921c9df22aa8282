/**
 * The baseline for queues: KEDA with its nats-jetstream scaler on the WORK consumer. KEDA itself takes a job from zero to
 * one and back; between them an HPA asks it for the lag, the messages that are pending or not yet acknowledged, and holds
 * their mean per teacher at the threshold.
 */
import { hpaPeriodSeconds, type Recommendation, replicasByAverageValue, stabilized } from './hpa-algorithm.js';
import { leastReplicas } from './hpa.js';
import type { Decision, JobView, Policy } from './policy.js';

/** Its defaults. */
export const usualKeda = {
  /** pollingInterval */
  pollingSeconds: 30,
  /** cooldownPeriod: since the last look that found work. */
  cooldownSeconds: 300,
  /** Messages a teacher. */
  lagThreshold: 10,
} as const;

interface Watched {
  readonly activeAtSeconds: number;
  readonly recommendations: readonly Recommendation[];
}

/** @param lagThreshold messages a teacher */
export function kedaPolicy(lagThreshold: number = usualKeda.lagThreshold): Policy {
  const watched = new Map<string, Watched>();
  return {
    name: `keda lag ${lagThreshold}`,
    priority: 'Preemptible',
    placement: 'Packed',
    leaving: 'Youngest',
    everySeconds: hpaPeriodSeconds,
    afterChangeSeconds: null,
    restSeconds: 0,
    initialReplicas: ({ minReplicas }) => minReplicas,
    decide: ({ nowSeconds, jobs }) =>
      jobs.flatMap((job): Decision[] => {
        const before = watched.get(job.uid) ?? { activeAtSeconds: -Infinity, recommendations: [] };
        const isPolling = nowSeconds % usualKeda.pollingSeconds < hpaPeriodSeconds;
        const activeAtSeconds = isPolling && lagOf(job) > 0 ? nowSeconds : before.activeAtSeconds;
        const scaled = scale(job, nowSeconds, activeAtSeconds, before.recommendations, lagThreshold);
        watched.set(job.uid, { activeAtSeconds, recommendations: scaled.recommendations });
        return [{ uid: job.uid, replicas: scaled.replicas }];
      }),
  };
}

/** num_pending + num_ack_pending: work that was fed and whose logits are not stored, at least what is being computed. */
function lagOf({ fedSteps, labeledSteps, inFlightSteps }: JobView): number {
  return Math.ceil(Math.max(inFlightSteps, fedSteps - labeledSteps) - 1e-6);
}

function scale(
  job: JobView,
  nowSeconds: number,
  activeAtSeconds: number,
  earlier: readonly Recommendation[],
  lagThreshold: number,
): ReturnType<typeof stabilized> {
  if (job.desired === 0) {
    // Activation: the HPA takes over from one.
    const replicas = activeAtSeconds === nowSeconds ? leastReplicas(job) : 0;
    return { replicas, recommendations: [] };
  }
  if (job.minReplicas === 0 && nowSeconds - activeAtSeconds > usualKeda.cooldownSeconds) {
    return { replicas: 0, recommendations: [] };
  }
  const replicas = replicasByAverageValue(job.desired, lagOf(job), lagThreshold);
  const bounds = { currentReplicas: job.desired, least: leastReplicas(job), most: job.maxReplicas };
  return stabilized({ atSeconds: nowSeconds, replicas }, earlier, bounds);
}
