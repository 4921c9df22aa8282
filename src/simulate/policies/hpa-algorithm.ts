/**
 * The arithmetic of the HorizontalPodAutoscaler: Kubernetes, "Horizontal Pod Autoscaling" (algorithm details) and
 * pkg/controller/podautoscaler. Pure.
 */

/** Differences of the ratio below this are no reason to scale (--horizontal-pod-autoscaler-tolerance). */
const hpaTolerance = 0.1;
/** --horizontal-pod-autoscaler-sync-period */
export const hpaPeriodSeconds = 15;
/** behavior.scaleDown.stabilizationWindowSeconds */
const downscaleStabilizationSeconds = 300;
/** The default scale-up policies, of which the larger counts, each over 15 s. */
const scaleUpPods = 4;
const scaleUpPercent = 100;

export interface UtilizationReading {
  readonly currentReplicas: number;
  /** Mean over the ready pods, as a share of what they request. */
  readonly utilization: number;
  readonly target: number;
  readonly readyPods: number;
  /** Pods without a reading: pending, or not ready yet. */
  readonly unreadyPods: number;
}

/**
 * Replicas by a resource metric: ceil(ready pods × utilization / target). Pods that are not ready count as idle when it
 * is about growing, so that a slow start does not multiply them.
 */
export function replicasByUtilization({
  currentReplicas,
  utilization,
  target,
  readyPods,
  unreadyPods,
}: UtilizationReading): number {
  if (readyPods === 0) return currentReplicas;
  const ratio = utilization / target;
  if (unreadyPods === 0 || ratio <= 1) {
    return isWithinTolerance(ratio) ? currentReplicas : ceil(ratio * readyPods);
  }
  const pods = readyPods + unreadyPods;
  const cautious = (ratio * readyPods) / pods;
  if (isWithinTolerance(cautious) || cautious < 1) return currentReplicas;
  return Math.max(currentReplicas, ceil(cautious * pods));
}

/**
 * Replicas by an external metric with an AverageValue target: ceil(total / target), unless the mean over the present
 * replicas is within the tolerance.
 */
export function replicasByAverageValue(currentReplicas: number, total: number, targetAverage: number): number {
  if (currentReplicas > 0 && isWithinTolerance(total / (targetAverage * currentReplicas))) return currentReplicas;
  return ceil(total / targetAverage);
}

function isWithinTolerance(ratio: number): boolean {
  return Math.abs(1 - ratio) <= hpaTolerance + Number.EPSILON;
}

/** Without the last bits of a product of floats, which would ask for one pod more. */
function ceil(value: number): number {
  return Math.max(0, Math.ceil(value - 1e-9));
}

export interface Recommendation {
  readonly atSeconds: number;
  readonly replicas: number;
}

/**
 * Bounds one recommendation as the default behavior does: no lower than the highest of the last 300 s, no higher than
 * the larger of twice the replicas and four more, within least and most.
 * @param earlier recommendations, which the caller keeps; those that are too old are left out of the answer's
 */
export function stabilized(
  recommendation: Recommendation,
  earlier: readonly Recommendation[],
  { currentReplicas, least, most }: { readonly currentReplicas: number; readonly least: number; readonly most: number },
): { readonly replicas: number; readonly recommendations: readonly Recommendation[] } {
  const since = recommendation.atSeconds - downscaleStabilizationSeconds;
  const recommendations = [...earlier.filter(({ atSeconds }) => atSeconds > since), recommendation];
  const highest = recommendations.reduce((most, { replicas }) => Math.max(most, replicas), 0);
  const down = Math.min(currentReplicas, highest);
  const wanted = Math.max(recommendation.replicas, down);
  const limit = Math.max(currentReplicas + scaleUpPods, ceil(currentReplicas * (1 + scaleUpPercent / 100)));
  return { replicas: Math.max(least, Math.min(wanted, limit, most)), recommendations };
}
