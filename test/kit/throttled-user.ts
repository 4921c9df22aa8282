/** A user whose concurrent requests a real API server answers with 429, by its priority and fairness rules. */
import { until } from './cluster/index.js';

interface Cluster {
  kubectl(args: readonly string[], options?: { readonly kubeconfig?: string }): Promise<{ readonly code: number }>;
  kubectlOk(args: readonly string[], input?: string): Promise<string>;
  user(name: string, groups: readonly string[]): Promise<string>;
}

/** @returns the kubeconfig of a new administrator who may have one request at a time */
export async function throttledUser(cluster: Cluster, name: string): Promise<string> {
  const apiVersion = 'flowcontrol.apiserver.k8s.io/v1';
  const metadata = { name };
  const objects = [
    {
      apiVersion,
      kind: 'PriorityLevelConfiguration',
      metadata,
      spec: {
        type: 'Limited',
        limited: {
          nominalConcurrencyShares: 0,
          lendablePercent: 0,
          borrowingLimitPercent: 0,
          limitResponse: { type: 'Reject' },
        },
      },
    },
    {
      apiVersion,
      kind: 'FlowSchema',
      metadata,
      spec: {
        priorityLevelConfiguration: { name },
        matchingPrecedence: 100,
        rules: [
          {
            subjects: [{ kind: 'User', user: { name } }],
            resourceRules: [
              { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true },
            ],
          },
        ],
      },
    },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'User', name, apiGroup: 'rbac.authorization.k8s.io' }],
    },
  ];
  await cluster.kubectlOk(['apply', '-f', '-'], objects.map((object) => JSON.stringify(object)).join('\n---\n'));
  return cluster.user(name, []);
}

/**
 * Removes the limit of the user. Resolves when a request succeeds again: requests that the server still counts as running
 * may block the user for minutes.
 * @param kubeconfig of the user
 */
export async function removeThrottle(cluster: Cluster, name: string, kubeconfig: string): Promise<void> {
  await cluster.kubectlOk(['delete', 'flowschema', name]);
  const isAdmitted = async (): Promise<boolean> =>
    (await cluster.kubectl(['get', 'configmaps', '--request-timeout=5s'], { kubeconfig })).code === 0;
  await until(`${name} to be admitted`, isAdmitted);
}
