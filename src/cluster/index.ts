/** The door of the cluster room: the ports. Adapters are chosen at the composition roots, each through its own door. */
export type { LeaseRecord, Leases, LeaseWrite, StoredLease } from './lease.js';
export type { Cluster, DesiredWorkers, FoundJob, JobKey } from './port.js';
