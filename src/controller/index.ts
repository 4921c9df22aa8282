/** The door of the controller: the queue of jobs and what is done for each. */
export { type EngineReport, type RunningEngine, startEngine } from './engine.js';
export { Fleet } from './fleet.js';
export { leaseDurations, LeaderElector } from './leader.js';
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
  WorkersPlan,
} from './ports.js';
export { JobQueue } from './job-queue.js';
export { KeyedQueue } from './keyed-queue.js';
export { reconcile } from './reconcile.js';
export { OrphanSweep, type OrphanSweepOptions, type SweepReport } from './sweep.js';
export type { Term } from './term.js';
export type { Wake } from './wake.js';
