/** The door of the local adapter: child processes on this machine. */
export { LocalCluster } from './local-cluster.js';
export { LocalJobs } from './local-jobs.js';
export { writeManifest } from './manifest-file.js';
