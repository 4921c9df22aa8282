/** The door of the cache: what the operator knows of the cluster, and which facts about a job follow from it. */
export { ClusterCache } from './cluster-cache.js';
export { type JobObjects, observationOf } from './job-observation.js';
export { JobCache, type RawDistillJob } from './job-cache.js';
export { kinds } from './kinds.js';
export { claimed, type FieldsOwner } from './managed-fields.js';
export { controllerOf, jobOf, identityOf } from './ownership.js';
export { type DeviceObjects, listDevices, observeDevices } from './device-kinds.js';
export { type DevicesSeen, devicesSeen } from './devices-seen.js';
export { type PodView, podView } from './pod-view.js';
export {
  deploymentView,
  nodeView,
  type OwnedView,
  ownedView,
  type RawDeployment,
  type RawJob,
  type RawObject,
  studentJobView,
  type StudentJobView,
} from './views.js';
export type { WorkloadView } from './workload-view.js';
export { Watches, type WatchesOptions, type WatchState } from './watches.js';
