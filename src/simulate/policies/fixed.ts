/** The baseline without a scaler: the same number of teachers from the submission to the end. */
import type { Policy } from './policy.js';

/** @param replicas of every job, within its bounds */
export function fixedPolicy(replicas: number, priority: Policy['priority'] = 'Preemptible'): Policy {
  return {
    name: `fixed ${replicas}`,
    priority,
    placement: 'Packed',
    leaving: 'Youngest',
    everySeconds: null,
    afterChangeSeconds: null,
    initialReplicas: ({ minReplicas, maxReplicas }) => Math.min(maxReplicas, Math.max(minReplicas, replicas)),
    decide: () => [],
  };
}
