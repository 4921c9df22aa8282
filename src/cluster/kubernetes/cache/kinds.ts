/** Every kind of object that the operator reads or writes. */
import { apiGroup, apiVersion, kind, kueue, plural } from '../../../api/index.js';
import { builtInKinds, type ResourceKind } from '../api/index.js';

export const kinds = {
  distillJobs: { group: apiGroup, version: apiVersion.slice(apiGroup.length + 1), plural, kind, namespaced: true },
  /** Of Kueue, which a cluster may lack. */
  workloads: { group: kueue.group, version: kueue.version, plural: 'workloads', kind: 'Workload', namespaced: true },
  /** Of dynamic resource allocation, which a cluster before Kubernetes 1.34 lacks. */
  resourceSlices: deviceKind('ResourceSlice', 'resourceslices', false),
  deviceClasses: deviceKind('DeviceClass', 'deviceclasses', false),
  resourceClaims: deviceKind('ResourceClaim', 'resourceclaims', true),
  resourceClaimTemplates: deviceKind('ResourceClaimTemplate', 'resourceclaimtemplates', true),
  ...builtInKinds,
} as const satisfies Record<string, ResourceKind>;

function deviceKind(kind: string, plural: string, namespaced: boolean): ResourceKind {
  return { group: 'resource.k8s.io', version: 'v1', plural, kind, namespaced };
}

/** The version before, which is listed only to tell an old Kueue from none. */
export const oldWorkloads: ResourceKind = { ...kinds.workloads, version: 'v1beta1' };
