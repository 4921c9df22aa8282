/** The door of the controller: the queue of jobs and what is done for each. */
export { Fleet, type FleetOptions } from './fleet.js';
export { type LeaseDurations, leaseDurations, LeaderElector, type LeaderElectorOptions } from './leader.js';
export type {
  AccessOf,
  Cluster,
  FoundJob,
  JobKey,
  Jobs,
  LeaseRecord,
  Leases,
  LeaseWrite,
  Observer,
  StoredLease,
  Streams,
  SweptStreams,
  WorkersPlan,
} from './ports.js';
export { Operator, type OperatorOptions } from './operator.js';
export { KeyedQueue, type KeyedQueueOptions } from './queue.js';
export { reconcile, type ReconcilerOptions } from './reconcile.js';
export { OrphanSweep, type OrphanSweepOptions, type SweepReport } from './sweep.js';
export type { Term } from './term.js';
