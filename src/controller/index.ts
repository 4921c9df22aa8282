/** The door of the controller: the queue of jobs and what is done for each. */
export { type EngineOptions, type EngineReport, type RunningEngine, startEngine } from './engine.js';
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
export { JobQueue, type JobQueueOptions, type JobWork } from './job-queue.js';
export { KeyedQueue, type KeyedQueueOptions } from './keyed-queue.js';
export { reconcile, type ReconcilerOptions } from './reconcile.js';
export { OrphanSweep, type OrphanSweepOptions, type SweepReport } from './sweep.js';
export type { Term } from './term.js';
export type { Wake } from './wake.js';
