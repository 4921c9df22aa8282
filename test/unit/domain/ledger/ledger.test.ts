/** The ledger of the cluster's slots: how many more pods its nodes have room for. */
import { describe, expect, test } from '@jest/globals';

import {
  amountsOf,
  Ledger,
  type LedgerNode,
  type LedgerPod,
  type PodNeeds,
} from '../../../../src/domain/ledger/index.js';
import { roomOn } from '../../../kit/ledger.js';

function gpuNode(name: string, changes: Partial<LedgerNode> = {}): LedgerNode {
  const allocatable = amountsOf({ cpu: '16', memory: '64Gi', pods: '110', 'nvidia.com/gpu': '8' });
  return { name, labels: {}, taints: [], takesPods: true, allocatable, ...changes };
}

function pod(uid: string, node: string | null, requests: Record<string, string>, ended = false): LedgerPod {
  return { uid, node, nominated: null, priority: 0, ended, requests: amountsOf(requests), claimsDevices: false };
}

function needs(requests: Record<string, string>): PodNeeds {
  return { nodeSelector: {}, requiredTerms: null, tolerations: [], requests: amountsOf(requests) };
}

const oneGpu = needs({ 'nvidia.com/gpu': '1', cpu: '1' });
function ledgerOf(...facts: readonly (LedgerNode | LedgerPod)[]): Ledger {
  const ledger = new Ledger();
  for (const fact of facts) {
    if ('uid' in fact) ledger.setPod(fact);
    else ledger.setNode(fact);
  }
  return ledger;
}

describe('the room for one more kind of pod', () => {
  test.each<[string, Ledger, PodNeeds, number]>([
    ['is 0 without nodes', ledgerOf(), oneGpu, 0],
    ['is what an empty node has', ledgerOf(gpuNode('a')), oneGpu, 8],
    ['is what all nodes have', ledgerOf(gpuNode('a'), gpuNode('b'), gpuNode('c')), oneGpu, 24],
    [
      'is what its scarcest resource allows',
      ledgerOf(gpuNode('a')),
      needs({ 'nvidia.com/gpu': '1', cpu: '3', memory: '1Gi' }),
      5,
    ],
    ['does not add up remainders of several nodes', ledgerOf(gpuNode('a'), gpuNode('b')), needs({ cpu: '10' }), 2],
    ['is 0 for a resource that no node has', ledgerOf(gpuNode('a')), needs({ 'amd.com/gpu': '1' }), 0],
    [
      'is less by what pods on the node take',
      ledgerOf(gpuNode('a'), pod('1', 'a', { 'nvidia.com/gpu': '3' })),
      oneGpu,
      5,
    ],
    [
      'is less by pods of which we learn before their node',
      ledgerOf(pod('1', 'a', { 'nvidia.com/gpu': '3' }), gpuNode('a')),
      oneGpu,
      5,
    ],
    [
      'is not less by pods that are bound to no node yet',
      ledgerOf(gpuNode('a'), pod('1', null, { 'nvidia.com/gpu': '3' })),
      oneGpu,
      8,
    ],
    [
      'is not less by pods that have ended',
      ledgerOf(gpuNode('a'), pod('1', 'a', { 'nvidia.com/gpu': '3' }, true)),
      oneGpu,
      8,
    ],
    [
      'is not less by pods on a node that is gone',
      ledgerOf(gpuNode('a'), pod('1', 'b', { 'nvidia.com/gpu': '3' })),
      oneGpu,
      8,
    ],
    [
      'is no less than none on a node that holds more than it has',
      ledgerOf(gpuNode('a'), gpuNode('b'), pod('1', 'a', { 'nvidia.com/gpu': '12' })),
      oneGpu,
      8,
    ],
    [
      'is there for a pod that wants nothing of what is overdrawn',
      ledgerOf(gpuNode('a'), pod('1', 'a', { 'nvidia.com/gpu': '12' })),
      needs({ cpu: '4', 'nvidia.com/gpu': '0' }),
      4,
    ],
    [
      'counts the places of pods on a node',
      ledgerOf(gpuNode('a', { allocatable: amountsOf({ cpu: '16', pods: '3' }) }), pod('1', 'a', {})),
      needs({ cpu: '1m' }),
      2,
    ],
    ['is bounded by them for a pod that asks for nothing', ledgerOf(gpuNode('a'), pod('1', 'a', {})), needs({}), 109],
    ['leaves out nodes that take none', ledgerOf(gpuNode('a'), gpuNode('b', { takesPods: false })), oneGpu, 8],
    [
      'leaves out nodes whose taint is not tolerated',
      ledgerOf(gpuNode('a'), gpuNode('b', { taints: [{ key: 'spot', effect: 'NoSchedule' }] })),
      oneGpu,
      8,
    ],
  ])('%s', (_what, ledger, wanted, want) => {
    expect(roomOn(ledger.placement(), wanted)).toBe(want);
  });

  test('is counted only up to the given number', () => {
    const ledger = ledgerOf(gpuNode('a'), gpuNode('b'));
    expect([0, 3, 8, 9, 16, 17].map((upTo) => roomOn(ledger.placement(), oneGpu, upTo))).toEqual([0, 3, 8, 9, 16, 16]);
  });

  test('comes back only when a pod is gone: a terminating pod still takes its share', () => {
    const ledger = ledgerOf(gpuNode('a'), pod('1', 'a', { 'nvidia.com/gpu': '8' }));
    // A terminating pod is set again, because it still exists.
    ledger.setPod(pod('1', 'a', { 'nvidia.com/gpu': '8' }));
    expect(roomOn(ledger.placement(), oneGpu)).toBe(0);
    ledger.removePod('1');
    expect(roomOn(ledger.placement(), oneGpu)).toBe(8);
  });

  test('follows a pod that is bound, resized, and ends', () => {
    const ledger = ledgerOf(gpuNode('a'), pod('1', null, { 'nvidia.com/gpu': '2' }));
    const rooms = [roomOn(ledger.placement(), oneGpu)];
    for (const change of [
      pod('1', 'a', { 'nvidia.com/gpu': '2' }),
      pod('1', 'a', { 'nvidia.com/gpu': '4' }),
      pod('1', 'a', { 'nvidia.com/gpu': '4' }, true),
    ]) {
      ledger.setPod(change);
      rooms.push(roomOn(ledger.placement(), oneGpu));
    }
    expect(rooms).toEqual([8, 6, 4, 8]);
  });

  test('follows a node that is cordoned, goes and comes back with its pods still on it', () => {
    const ledger = ledgerOf(gpuNode('a'), pod('1', 'a', { 'nvidia.com/gpu': '2' }));
    const room = (): number => roomOn(ledger.placement(), oneGpu);
    ledger.setNode(gpuNode('a', { takesPods: false }));
    expect(room()).toBe(0);
    ledger.removeNode('a');
    expect(room()).toBe(0);
    ledger.setNode(gpuNode('a'));
    expect(room()).toBe(6);
  });

  test('is exact after many small pods have come and gone', () => {
    const ledger = ledgerOf(gpuNode('a'));
    const requests = { cpu: '100m', memory: '0.1Gi', 'nvidia.com/gpu': '0' };
    for (let time = 0; time < 1_000; time++) ledger.setPod(pod(String(time), 'a', requests));
    for (let time = 0; time < 1_000; time++) ledger.removePod(String(time));
    expect(roomOn(ledger.placement(), needs({ cpu: '16', memory: '64Gi' }))).toBe(1);
  });

  test('is not changed by removing unknown pods and nodes', () => {
    const ledger = ledgerOf(gpuNode('a'));
    ledger.removePod('never');
    ledger.removeNode('nowhere');
    expect(roomOn(ledger.placement(), oneGpu)).toBe(8);
  });
});
