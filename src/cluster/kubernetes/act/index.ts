/** The door of acting: writes the objects, status, Events and Lease of the operator. */
export { type EventOutcome, EventRecorder, type EventRecorderOptions } from './event-recorder.js';
export { KubernetesCluster, type KubernetesClusterOptions } from './kubernetes-cluster.js';
export { jobExists, KubernetesJobs } from './kubernetes-jobs.js';
export { leaseName, leasesAt, leaseUid } from './leases.js';
