/** Nodes that leave soon or are not ready yet, as clouds, autoscalers and Kubernetes announce it. */
import { describe, expect, test } from '@jest/globals';

import { isLeaving, type NodeNotices } from '../../../../src/domain/ledger/index.js';

const quiet: NodeNotices = { taints: [], labels: {}, conditions: ['Ready'] };

describe('a node is leaving', () => {
  test.each([
    'node.kubernetes.io/not-ready',
    'node.kubernetes.io/unreachable',
    'node.kubernetes.io/out-of-service',
    'node.cloudprovider.kubernetes.io/uninitialized',
    'node.cloudprovider.kubernetes.io/shutdown',
    'readiness.k8s.io/network',
    'ToBeDeletedByClusterAutoscaler',
    'startup-taint.cluster-autoscaler.kubernetes.io/gpu',
    'karpenter.sh/disrupted',
    'karpenter.sh/unregistered',
    'cloud.google.com/impending-node-termination',
    'aws-node-termination-handler/spot-itn',
    'aws-node-termination-handler/scheduled-maintenance',
    'remediator.kubernetes.azure.com/unschedulable',
  ])('when it has the taint %s', (key) => {
    for (const effect of ['NoSchedule', 'NoExecute']) {
      expect(isLeaving({ ...quiet, taints: [{ key, effect }] })).toBe(true);
    }
    expect(isLeaving({ ...quiet, taints: [{ key, effect: 'PreferNoSchedule' }] })).toBe(false);
  });

  test.each(['PreemptionScheduled', 'PreemptScheduled', 'TerminateScheduled', 'RedeployScheduled', 'RebootScheduled'])(
    'under the condition %s',
    (type) => {
      expect(isLeaving({ ...quiet, conditions: ['Ready', type] })).toBe(true);
    },
  );

  test('during maintenance of its host, not when that is only planned', () => {
    expect(isLeaving({ ...quiet, labels: { 'cloud.google.com/active-node-maintenance': 'ONGOING' } })).toBe(true);
    expect(isLeaving({ ...quiet, labels: { 'cloud.google.com/scheduled-maintenance-time': '1733083200' } })).toBe(
      false,
    );
  });
});

describe('a node stays', () => {
  test.each([
    'nvidia.com/gpu',
    'kubernetes.azure.com/scalesetpriority',
    'node-role.kubernetes.io/control-plane',
    'karpenter.sh/disrupted-once',
    'my.ToBeDeletedByClusterAutoscaler',
  ])('whose taint %s says who may come to it', (key) => {
    expect(isLeaving({ ...quiet, taints: [{ key, effect: 'NoSchedule' }] })).toBe(false);
  });

  test('that is a candidate of the autoscaler, freezes for seconds, or has no notice', () => {
    const taints = [{ key: 'DeletionCandidateOfClusterAutoscaler', effect: 'PreferNoSchedule' }];
    expect(isLeaving({ ...quiet, taints })).toBe(false);
    expect(isLeaving({ ...quiet, conditions: ['Ready', 'FreezeScheduled'] })).toBe(false);
    expect(isLeaving(quiet)).toBe(false);
  });
});
