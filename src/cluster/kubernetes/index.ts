/** The door of the Kubernetes adapter. */
export {
  type Access,
  AccessError,
  type ApiClient,
  ApiError,
  Budget,
  type ContextAccess,
  credentialsError,
  type KubeconfigFiles,
  kubeconfigFiles,
  loadAccess,
  podLog,
  type PodLogOptions,
  type ResourceKind,
  type StoredObject,
  Transport,
} from './api/index.js';
export {
  ClusterCache,
  type DeviceObjects,
  JobCache,
  kinds,
  listDevices,
  nodeView,
  observeDevices,
  podView,
  Watches,
  type WatchesOptions,
  type WatchState,
} from './cache/index.js';
export {
  EventRecorder,
  type EventRecorderOptions,
  KubernetesCluster,
  type KubernetesClusterOptions,
  leaseName,
  leasesAt,
  leaseUid,
  jobExists,
  KubernetesJobs,
} from './act/index.js';
export { apiClient, type ApiClientOptions } from './client.js';
