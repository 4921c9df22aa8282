/**
 * The door of allocation (design §5.4 to §5.6): today's share of the slots, over all jobs at once.
 *
 *  allocate({ jobs, pendingPods, leaving, … }) → grants of each job, and the nodes of the pending pods
 */
export { allocate } from './allocate.js';
export { wantedReplicas } from './fill.js';
export type {
  Allocation,
  AllocationInput,
  Grant,
  JobRequest,
  LeavingTeacher,
  NamespaceWeights,
  PendingPodRequest,
  PoolRequest,
  Teacher,
} from './types.js';
