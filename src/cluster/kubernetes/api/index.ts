/** The door of the API client: requests to an API server on raw JSON. It knows Kubernetes, and nothing of Distillery. */
export { Budget } from './budget.js';
export {
  type ApiClient,
  httpClient,
  type HttpClientOptions,
  type ListOptions,
  type Page,
  type RequestRecord,
  type WatchOptions,
} from './client.js';
export { type Access, type ContextAccess, credentialsError, loadAccess } from './connect.js';
export { ApiError, type ApiErrorReason, errorOfFailure } from './errors.js';
export { apiVersionOf, builtInKinds, kindOf, type ResourceKind } from './kinds.js';
export {
  AccessError,
  chosenContext,
  type Kubeconfig,
  type KubeconfigFiles,
  kubeconfigFiles,
  readKubeconfig,
} from './kubeconfig.js';
export type { StoredMetadata, StoredObject, WrittenObject } from './object.js';
export { podLog, type PodLogOptions } from './pod-log.js';
export { Transport, type TransportLimits } from './transport.js';
export type { WatchEvent } from './watch-events.js';
