/**
 * The built-in kinds of Kubernetes that this client is used for, and the paths of their objects at the API server.
 * Pure.
 */

export interface ResourceKind {
  /** Empty for the core group. */
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

export const builtInKinds = {
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
  horizontalPodAutoscalers: {
    group: 'autoscaling',
    version: 'v2',
    plural: 'horizontalpodautoscalers',
    kind: 'HorizontalPodAutoscaler',
    namespaced: true,
  },
  leases: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true },
  events: { group: '', version: 'v1', plural: 'events', kind: 'Event', namespaced: true },
} as const satisfies Record<string, ResourceKind>;

/** @returns `v1`, or `group/version` */
export function apiVersionOf({ group, version }: ResourceKind): string {
  return group === '' ? version : `${group}/${version}`;
}

/** @throws RangeError for an object of a kind that is not among the known ones: a mistake in our code */
export function kindOf(
  object: { readonly apiVersion: string; readonly kind: string },
  known: Readonly<Record<string, ResourceKind>>,
): ResourceKind {
  const found = Object.values(known).find((one) => one.kind === object.kind && apiVersionOf(one) === object.apiVersion);
  if (found === undefined) {
    throw new RangeError(
      `${object.apiVersion} ${object.kind}: this client does not know the kind. Add it to the client's kinds.`,
    );
  }
  return found;
}

/** Path of all objects of a kind, in one namespace; in all of them when `namespace` is empty or the kind has none. */
export function collectionPath(kind: ResourceKind, namespace: string): string {
  const root = kind.group === '' ? `/api/${kind.version}` : `/apis/${kind.group}/${kind.version}`;
  const within = kind.namespaced && namespace !== '' ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `${root}${within}/${kind.plural}`;
}

/** @throws RangeError for a namespaced kind without a namespace, or without a name: a mistake in our code */
export function objectPath(kind: ResourceKind, namespace: string, name: string, subresource?: string): string {
  if (name === '' || (kind.namespaced && namespace === '')) {
    throw new RangeError(
      `path of a ${kind.kind}: namespace "${namespace}" and name "${name}" must not be empty. Pass both.`,
    );
  }
  const object = `${collectionPath(kind, namespace)}/${encodeURIComponent(name)}`;
  return subresource === undefined ? object : `${object}/${subresource}`;
}
