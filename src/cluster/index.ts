/** The door of the cluster room: the port. Adapters are chosen at the composition roots, each through its own door. */
export type { Cluster, DesiredWorkers, FoundJob, JobKey } from './port.js';
