/** Trial placements on a copy of the ledger, and the room that nominated pods reserve. */
import { describe, expect, test } from '@jest/globals';

import {
  amountsOf,
  Ledger,
  type LedgerNode,
  type LedgerPod,
  type PodNeeds,
} from '../../../../src/domain/ledger/index.js';
import { roomOn } from '../../../kit/ledger.js';

const gpu = 'nvidia.com/gpu';

function node(name: string, gpus: number, labels: Record<string, string> = {}): LedgerNode {
  const allocatable = amountsOf({ cpu: '16', pods: '110', [gpu]: String(gpus) });
  return { name, labels, taints: [], takesPods: true, allocatable };
}

function pod(uid: string, place: string | null, gpus: number, changes: Partial<LedgerPod> = {}): LedgerPod {
  const requests = amountsOf(gpus === 0 ? {} : { [gpu]: String(gpus) });
  return { uid, node: place, nominated: null, priority: 0, ended: false, requests, claimsDevices: false, ...changes };
}

function needs(gpus: number, changes: Partial<PodNeeds> = {}): PodNeeds {
  return {
    nodeSelector: {},
    requiredTerms: null,
    tolerations: [],
    requests: amountsOf({ [gpu]: String(gpus) }),
    ...changes,
  };
}

function ledgerOf(...facts: readonly (LedgerNode | LedgerPod)[]): Ledger {
  const ledger = new Ledger();
  for (const fact of facts) {
    if ('uid' in fact) ledger.setPod(fact);
    else ledger.setNode(fact);
  }
  return ledger;
}

describe('a placement', () => {
  test('places pods on nodes by name until none has room', () => {
    const placement = ledgerOf(node('b', 2), node('a', 1), node('c', 3)).placement();
    const one = needs(1);
    const two = needs(2);
    expect([
      placement.place(two),
      placement.place(one),
      placement.place(two),
      placement.place(one),
      placement.place(one),
    ]).toEqual(['b', 'a', 'c', 'c', null]);
  });

  test('finds room again where a pod was removed, for every kind of pod', () => {
    const placement = ledgerOf(node('a', 2), node('b', 2)).placement();
    const two = needs(2);
    const one = needs(1);
    expect([placement.place(two), placement.place(two), placement.place(one)]).toEqual(['a', 'b', null]);
    placement.remove('a', two);
    expect([placement.place(one), placement.place(one), placement.place(one)]).toEqual(['a', 'a', null]);
    placement.remove('nowhere', one);
    expect(roomOn(placement, one)).toBe(0);
  });

  test('recognizes equal needs in different objects', () => {
    const placement = ledgerOf(node('a', 1), node('b', 1)).placement();
    expect([placement.place(needs(1)), placement.place(needs(1)), placement.place(needs(1))]).toEqual(['a', 'b', null]);
  });

  test('obeys the constraints of each pod', () => {
    const placement = ledgerOf(node('a', 1, { zone: 'x' }), node('b', 1, { zone: 'y' })).placement();
    const inY = needs(1, { nodeSelector: { zone: 'y' } });
    expect([placement.place(inY), placement.place(inY), placement.place(needs(1))]).toEqual(['b', null, 'a']);
  });

  test('does not follow later changes of the ledger', () => {
    const ledger = ledgerOf(node('a', 1));
    const placement = ledger.placement();
    ledger.setNode(node('0', 4));
    ledger.setPod(pod('1', 'a', 1));
    expect([placement.place(needs(1)), placement.place(needs(1))]).toEqual(['a', null]);
  });

  test('rounds requests up to whole bytes, as the scheduler does', () => {
    const ledger = new Ledger();
    const allocatable = amountsOf({ pods: '10', memory: '3' });
    ledger.setNode({ name: 'a', labels: {}, taints: [], takesPods: true, allocatable });
    expect(roomOn(ledger.placement(), needs(0, { requests: amountsOf({ memory: '1100m' }) }))).toBe(1);
  });
});

describe('the room of a nominated pod', () => {
  const nominated = pod('n', null, 3, { nominated: 'a', priority: 10 });

  test.each<[string, Partial<PodNeeds>, number]>([
    ['is taken for pods of lower priority', { priority: 9 }, 1],
    ['is taken for pods of the same priority', { priority: 10 }, 1],
    ['is free for pods of higher priority', { priority: 11 }, 4],
    ['is taken for pods without a priority', {}, 1],
  ])('%s', (_what, changes, want) => {
    expect(roomOn(ledgerOf(node('a', 4), nominated).placement(), needs(1, changes))).toBe(want);
  });

  test('counts once when the pod is bound, on any node, and not when it is gone', () => {
    const ledger = ledgerOf(node('a', 4), node('b', 4), nominated);
    const room = (): number => roomOn(ledger.placement(), needs(1));
    ledger.setPod({ ...nominated, node: 'a', nominated: null });
    expect(room()).toBe(5);
    ledger.setPod({ ...nominated, node: 'b', nominated: null });
    expect(room()).toBe(5);
    ledger.removePod('n');
    expect(room()).toBe(8);
  });
});

describe('a node with a pod that claims devices', () => {
  const claims = { claimsDevices: true };

  test('is full for accelerators, and unchanged for other resources', () => {
    const ledger = ledgerOf(node('a', 4), node('b', 4), pod('1', 'a', 0, claims));
    expect(roomOn(ledger.placement(), needs(1))).toBe(4);
    expect(roomOn(ledger.placement(), needs(0, { requests: amountsOf({ cpu: '8' }) }))).toBe(4);
  });

  test('is free again when the last of them is gone or ended', () => {
    const ledger = ledgerOf(node('a', 4), pod('1', 'a', 0, claims), pod('2', 'a', 0, claims));
    const room = (): number => roomOn(ledger.placement(), needs(1));
    ledger.removePod('1');
    expect(room()).toBe(0);
    ledger.setPod(pod('2', 'a', 0, { ...claims, ended: true }));
    expect(room()).toBe(4);
  });

  test('is full while the pod is only nominated', () => {
    const ledger = ledgerOf(node('a', 4), pod('1', null, 0, { ...claims, nominated: 'a' }));
    expect(roomOn(ledger.placement(), needs(1))).toBe(0);
  });

  test('is full for configured accelerators', () => {
    const ledger = new Ledger(['example.com/*']);
    const allocatable = amountsOf({ pods: '10', [gpu]: '1', 'example.com/npu': '2' });
    ledger.setNode({ name: 'a', labels: {}, taints: [], takesPods: true, allocatable });
    ledger.setPod(pod('1', 'a', 0, claims));
    expect(roomOn(ledger.placement(), needs(1))).toBe(1);
    expect(roomOn(ledger.placement(), needs(0, { requests: amountsOf({ 'example.com/npu': '1' }) }))).toBe(0);
  });
});
