/**
 * The kinds of objects that the operator reads and writes, and where the API server keeps each. Paths are built here and
 * nowhere else.
 */
import { apiGroup, apiVersion as distillJobVersion, kind as distillJobKind, plural } from '../../../api/index.js';

export interface ResourceKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export const kinds = {
  distillJobs: {
    group: apiGroup,
    version: distillJobVersion.slice(apiGroup.length + 1),
    plural,
    kind: distillJobKind,
    namespaced: true,
  },
  deployments: { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
  jobs: { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true },
  pods: { group: '', version: 'v1', plural: 'pods', kind: 'Pod', namespaced: true },
  nodes: { group: '', version: 'v1', plural: 'nodes', kind: 'Node', namespaced: false },
  namespaces: { group: '', version: 'v1', plural: 'namespaces', kind: 'Namespace', namespaced: false },
  configMaps: { group: '', version: 'v1', plural: 'configmaps', kind: 'ConfigMap', namespaced: true },
  secrets: { group: '', version: 'v1', plural: 'secrets', kind: 'Secret', namespaced: true },
  serviceAccounts: { group: '', version: 'v1', plural: 'serviceaccounts', kind: 'ServiceAccount', namespaced: true },
  networkPolicies: {
    group: 'networking.k8s.io',
    version: 'v1',
    plural: 'networkpolicies',
    kind: 'NetworkPolicy',
    namespaced: true,
  },
  leases: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true },
  events: { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true },
} as const satisfies Record<string, ResourceKind>;

/** @returns `v1`, or `group/version` */
export function apiVersionOf({ group, version }: ResourceKind): string {
  return group === '' ? version : `${group}/${version}`;
}

/** @throws RangeError for a kind that the operator does not write: a mistake in our code */
export function kindOf(object: { readonly apiVersion: string; readonly kind: string }): ResourceKind {
  const found = Object.values<ResourceKind>(kinds).find(
    (known) => known.kind === object.kind && apiVersionOf(known) === object.apiVersion,
  );
  if (found === undefined) {
    throw new RangeError(
      `kind of an object: found ${object.apiVersion} ${object.kind}, expected one of src/cluster/kubernetes/kinds.ts; add it there`,
    );
  }
  return found;
}

/** Path of all objects of a kind: those of one namespace, or of all when it is empty or the kind has none. */
export function collectionPath(kind: ResourceKind, namespace: string): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const within = kind.namespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${within}/${kind.plural}`;
}

/** @throws RangeError when a namespaced object comes without a namespace: a mistake in our code */
export function objectPath(kind: ResourceKind, namespace: string, name: string, subresource?: string): string {
  if (name === '' || (kind.namespaced && namespace === '')) {
    throw new RangeError(
      `path of a ${kind.kind}: found namespace "${namespace}" and name "${name}", expected both to be given`,
    );
  }
  const object = `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? object : `${object}/${subresource}`;
}
