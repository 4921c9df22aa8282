/** The baseline without a scaler: the same number of teachers from the submission to the end. */
import type { Policy } from './policy.js';

/** Replicas of every job: a plausible value without any measurement. */
export const usualTeachers = 16;

/** @param replicas of every job, within its bounds; Needed = what its student needs, measured in advance */
export function fixedPolicy(replicas: number | 'Needed', priority: Policy['priority'] = 'Preemptible'): Policy {
  const size = replicas === 'Needed' ? 'as needed' : String(replicas);
  return {
    name: `fixed ${size}${priority === 'Equal' ? ', no PriorityClass' : ''}`,
    priority,
    placement: 'Packed',
    leaving: 'Youngest',
    everySeconds: null,
    afterChangeSeconds: null,
    restSeconds: 0,
    initialReplicas: ({ minReplicas, maxReplicas, teachersNeeded }) =>
      Math.min(maxReplicas, Math.max(minReplicas, replicas === 'Needed' ? teachersNeeded : replicas)),
    decide: () => [],
  };
}
