/**
 * Whether a node leaves soon or is not ready yet, as cloud providers, autoscalers and Kubernetes announce it. Its pods may
 * still run and the scheduler may still bind to it, but the ledger counts it as gone at once (design §5.2). Pure.
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
 * Keys of taints that announce it; a key that ends in a slash is a prefix. They count even if a pool tolerates them, because
 * a new pod would end within minutes.
 */
const leavingTaints: readonly string[] = [
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

/** Conditions of AKS nodes whose machine is about to be removed or restarted. Freezing for some seconds is not among them. */
const leavingConditions: readonly string[] = [
  'PreemptionScheduled',
  'PreemptScheduled',
  'TerminateScheduled',
  'RedeployScheduled',
  'RebootScheduled',
];

/** GKE sets it while it maintains the host of a node with accelerators, which cannot migrate live. */
const maintenanceLabel = 'cloud.google.com/active-node-maintenance';

export function isLeaving({ taints, labels, conditions }: NodeNotices): boolean {
  // Ignore PreferNoSchedule: autoscaler candidates often stay.
  const binding = taints.filter(({ effect }) => effect !== 'PreferNoSchedule');
  return (
    binding.some(({ key }) =>
      leavingTaints.some((known) => (known.endsWith('/') ? key.startsWith(known) : key === known)),
    ) ||
    conditions.some((type) => leavingConditions.includes(type)) ||
    labels[maintenanceLabel] === 'ONGOING'
  );
}
