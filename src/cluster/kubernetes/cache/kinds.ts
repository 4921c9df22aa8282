/** Every kind of object that the operator reads or writes. */
import { apiGroup, apiVersion, kind, plural } from '../../../api/index.js';
import { builtInKinds, type ResourceKind } from '../api/index.js';

export const kinds = {
  distillJobs: { group: apiGroup, version: apiVersion.slice(apiGroup.length + 1), plural, kind, namespaced: true },
  ...builtInKinds,
} as const satisfies Record<string, ResourceKind>;
