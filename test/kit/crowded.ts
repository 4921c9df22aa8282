/** A user for whom the API server has no room when there is another request: the real thing answers 429, by its own rules. */

interface Cluster {
  kubectl(args: readonly string[], options?: { readonly input?: string }): Promise<unknown>;
  user(name: string, groups: readonly string[]): Promise<string>;
}

/** @returns the kubeconfig of a new user, an administrator, who is let in one request at a time */
export async function crowded(cluster: Cluster, name: string): Promise<string> {
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
  await cluster.kubectl(['apply', '-f', '-'], {
    input: objects.map((object) => JSON.stringify(object)).join('\n---\n'),
  });
  return cluster.user(name, []);
}

/** There is room for the user again: it is treated as everybody. */
export async function uncrowded(cluster: Cluster, name: string): Promise<void> {
  await cluster.kubectl(['delete', 'flowschema', name]);
}
