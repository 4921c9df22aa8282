/** The kinds of object that the operator knows, and the paths of the API server under which they lie. Pure. */
import { apiGroup } from '../../api/index.js';

export interface ResourceKind {
  readonly group: string;
  readonly version: string;
  readonly plural: string;
  readonly kind: string;
  readonly namespaced: boolean;
}

const core = { group: '', version: 'v1', namespaced: true } as const;

export const kinds = {
  distillJobs: { group: apiGroup, version: 'v1alpha1', plural: 'distilljobs', kind: 'DistillJob', namespaced: true },
  pods: { ...core, plural: 'pods', kind: 'Pod' },
  nodes: { ...core, plural: 'nodes', kind: 'Node', namespaced: false },
  configMaps: { ...core, plural: 'configmaps', kind: 'ConfigMap' },
  secrets: { ...core, plural: 'secrets', kind: 'Secret' },
  serviceAccounts: { ...core, plural: 'serviceaccounts', kind: 'ServiceAccount' },
  events: { ...core, plural: 'events', kind: 'Event' },
  deployments: { group: 'apps', version: 'v1', plural: 'deployments', kind: 'Deployment', namespaced: true },
  jobs: { group: 'batch', version: 'v1', plural: 'jobs', kind: 'Job', namespaced: true },
  leases: { group: 'coordination.k8s.io', version: 'v1', plural: 'leases', kind: 'Lease', namespaced: true },
  networkPolicies: {
    group: 'networking.k8s.io',
    version: 'v1',
    plural: 'networkpolicies',
    kind: 'NetworkPolicy',
    namespaced: true,
  },
} as const satisfies Record<string, ResourceKind>;

/** What of a kind is meant. */
export interface Place {
  /** Absent = all namespaces, or a kind that has none. */
  readonly namespace?: string | undefined;
  readonly name?: string;
  readonly subresource?: 'status';
}

export function pathOf({ group, version, plural }: ResourceKind, { namespace, name, subresource }: Place): string {
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  const within = namespace === undefined ? '' : `/namespaces/${encodeURIComponent(namespace)}`;
  const one = name === undefined ? '' : `/${encodeURIComponent(name)}`;
  return `${root}${within}/${plural}${one}${subresource === undefined ? '' : `/${subresource}`}`;
}

export function apiVersionOf({ group, version }: ResourceKind): string {
  return group === '' ? version : `${group}/${version}`;
}

/** @throws Error for a kind that is not in the list: nothing else is ever written */
export function kindOf({ apiVersion, kind }: { readonly apiVersion: string; readonly kind: string }): ResourceKind {
  const found = Object.values<ResourceKind>(kinds).find(
    (candidate) => candidate.kind === kind && apiVersionOf(candidate) === apiVersion,
  );
  if (found === undefined) throw new Error(`no kind ${kind} of ${apiVersion} is known`);
  return found;
}
