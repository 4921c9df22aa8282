/** The door of the Kubernetes adapter. */
export { Budget, type BudgetOptions } from './budget.js';
export {
  apiClient,
  type ApiClient,
  type ApiClientOptions,
  type DeleteOptions,
  type ListOptions,
  type Page,
  type RequestRecord,
  type WatchOptions,
  type WriteOptions,
} from './client.js';
export { type Access, type AccessSource, type ContextAccess, credentialsError, loadAccess } from './connect.js';
export { ApiError, type ApiErrorCause, type ApiErrorReason } from './errors.js';
export { kinds, type ResourceKind } from './kinds.js';
export type { StoredMetadata, StoredObject, WrittenObject } from './object.js';
export {
  Reflector,
  type ReflectorCounters,
  type ReflectorOptions,
  type ReflectorReport,
  type ReflectorTiming,
} from './reflector.js';
export type { Store } from './store.js';
export { Transport, type TransportLimits, type TransportOptions } from './transport.js';
export type { WatchEvent } from './watch.js';
export { ClusterCache } from './cache.js';
export { KubernetesCluster, type KubernetesClusterOptions } from './kubernetes-cluster.js';
export { jobExists, KubernetesJobs, type KubernetesJobsOptions } from './kubernetes-jobs.js';
export { Watches, type WatchesOptions, type WatchState } from './watches.js';
export { type EventOutcome, EventRecorder, type EventRecorderOptions } from './events.js';
export { nodeView, podView } from './views.js';
export {
  AccessError,
  chosenContext,
  type Kubeconfig,
  type KubeconfigFiles,
  kubeconfigFiles,
  readKubeconfig,
} from './kubeconfig.js';
export { leaseName, leasesAt, leaseUid } from './leases.js';
