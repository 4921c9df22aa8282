/**
 * Whether a node is about to go, or not there yet, as cloud providers, autoscalers and Kubernetes itself announce it. Pods
 * on it may still run and the scheduler may still bind to it: for the ledger it is gone at once (DESIGN §5.2). Pure.
 *
 * Sources: well-known labels, annotations and taints (kubernetes.io); cluster-autoscaler FAQ; Karpenter "Disruption";
 * aws-node-termination-handler `--taint-node`; GKE "Manage node disruption for GPUs and TPUs"; AKS "Node auto-drain".
 */

export interface NodeNotices {
  readonly taints: readonly { readonly key: string; readonly effect: string }[];
  readonly labels: Readonly<Record<string, string>>;
  /** Types of the conditions that are True. */
  readonly conditions: readonly string[];
}

/**
 * Taints that tell it, by key; one that ends in a slash stands for all that begin so. Whatever a pool tolerates: a pod that
 * comes now would be ended within minutes.
 */
const tellingTaints: readonly string[] = [
  // Not ready, unreachable, out of service, cordoned, low on memory, disk or processes.
  'node.kubernetes.io/',
  'node.cloudprovider.kubernetes.io/',
  'readiness.k8s.io/',
  'ToBeDeletedByClusterAutoscaler',
  'startup-taint.cluster-autoscaler.kubernetes.io/',
  'ignore-taint.cluster-autoscaler.kubernetes.io/',
  'karpenter.sh/disrupted',
  'karpenter.sh/disruption',
  'karpenter.sh/unregistered',
  'cloud.google.com/impending-node-termination',
  'aws-node-termination-handler/',
  'remediator.kubernetes.azure.com/unschedulable',
];

/** Conditions of AKS nodes whose machine is to be taken away or started anew; one that only freezes for seconds stays. */
const tellingConditions: readonly string[] = [
  'PreemptionScheduled',
  'PreemptScheduled',
  'TerminateScheduled',
  'RedeployScheduled',
  'RebootScheduled',
];

/** Of GKE, while the host of a node with accelerators is worked on; machines with them cannot be moved alive. */
const maintenanceLabel = 'cloud.google.com/active-node-maintenance';

export function isLeaving({ taints, labels, conditions }: NodeNotices): boolean {
  // What only prefers other nodes is a thought, not a notice: an autoscaler's candidates often stay.
  const telling = taints.filter(({ effect }) => effect !== 'PreferNoSchedule');
  return (
    telling.some(({ key }) =>
      tellingTaints.some((known) => (known.endsWith('/') ? key.startsWith(known) : key === known)),
    ) ||
    conditions.some((type) => tellingConditions.includes(type)) ||
    labels[maintenanceLabel] === 'ONGOING'
  );
}
