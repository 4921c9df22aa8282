/** Every kind of object that the operator reads or writes. */
import { apiGroup, apiVersion, kind, kueue, plural } from '../../../api/index.js';
import { builtInKinds, type ResourceKind } from '../api/index.js';

export const kinds = {
  distillJobs: { group: apiGroup, version: apiVersion.slice(apiGroup.length + 1), plural, kind, namespaced: true },
  /** Of Kueue, which a cluster may lack. */
  workloads: { group: kueue.group, version: kueue.version, plural: 'workloads', kind: 'Workload', namespaced: true },
  ...builtInKinds,
} as const satisfies Record<string, ResourceKind>;

/** The version before, which is listed only to tell an old Kueue from none. */
export const oldWorkloads: ResourceKind = { ...kinds.workloads, version: 'v1beta1' };
