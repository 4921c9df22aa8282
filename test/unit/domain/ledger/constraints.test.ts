/** Whether a pod may run on a node, as the scheduler judges: labels, required affinity, taints. */
import { describe, expect, test } from '@jest/globals';

import {
  isSchedulable,
  type NodeFacts,
  type NodeSelectorTerm,
  type SchedulingConstraints,
} from '../../../../src/domain/ledger/index.js';

const node: NodeFacts = {
  name: 'gpu-7',
  labels: { zone: 'a', gpu: 't4', memory: '16', driver: '550.90', empty: '' },
  taints: [],
  takesPods: true,
};
const anywhere: SchedulingConstraints = { nodeSelector: {}, requiredTerms: null, tolerations: [] };
const gpuTaint = { key: 'nvidia.com/gpu', value: 'present', effect: 'NoSchedule' };

describe('a node', () => {
  test('takes a pod without constraints', () => {
    expect(isSchedulable(anywhere, node)).toBe(true);
  });

  test('takes none while it is cordoned, not ready or being deleted', () => {
    expect(isSchedulable(anywhere, { ...node, takesPods: false })).toBe(false);
  });
});

describe('a node selector', () => {
  test.each<[string, Record<string, string>, boolean]>([
    ['holds when every label is there', { zone: 'a', gpu: 't4' }, true],
    ['fails on one that is different', { zone: 'a', gpu: 'a100' }, false],
    ['fails on one that is missing', { rack: '3' }, false],
    ['accepts an empty value', { empty: '' }, true],
    ['does not take a missing label for an empty value', { rack: '' }, false],
  ])('%s', (_what, nodeSelector, want) => {
    expect(isSchedulable({ ...anywhere, nodeSelector }, node)).toBe(want);
  });
});

const expression = (key: string, operator: string, ...values: readonly string[]): NodeSelectorTerm => ({
  matchExpressions: [{ key, operator, values }],
});

describe('required node affinity', () => {
  test.each<[string, readonly NodeSelectorTerm[], boolean]>([
    ['In: one of the values', [expression('gpu', 'In', 'a100', 't4')], true],
    ['In: none of the values', [expression('gpu', 'In', 'a100')], false],
    ['In: no such label', [expression('rack', 'In', '3')], false],
    ['NotIn: another value', [expression('gpu', 'NotIn', 'a100')], true],
    ['NotIn: one of the values', [expression('gpu', 'NotIn', 't4')], false],
    ['NotIn: no such label', [expression('rack', 'NotIn', '3')], true],
    ['Exists', [expression('gpu', 'Exists')], true],
    ['Exists: an empty value is one', [expression('empty', 'Exists')], true],
    ['Exists: no such label', [expression('rack', 'Exists')], false],
    ['DoesNotExist', [expression('rack', 'DoesNotExist')], true],
    ['DoesNotExist: it does', [expression('gpu', 'DoesNotExist')], false],
    ['Gt: more', [expression('memory', 'Gt', '15')], true],
    ['Gt: equal is not more', [expression('memory', 'Gt', '16')], false],
    ['Gt: compares numbers, not text', [expression('memory', 'Gt', '9')], true],
    ['Gt: a negative bound', [expression('memory', 'Gt', '-1')], true],
    ['Gt: a label that is no whole number', [expression('driver', 'Gt', '1')], false],
    ['Gt: an empty label is not 0', [expression('empty', 'Gt', '-1')], false],
    ['Gt: no such label', [expression('rack', 'Gt', '0')], false],
    ['Gt: a bound that is no whole number', [expression('memory', 'Gt', '1.5')], false],
    ['Lt: less', [expression('memory', 'Lt', '17')], true],
    ['Lt: equal is not less', [expression('memory', 'Lt', '16')], false],
    ['Lt: a label that is no whole number', [expression('driver', 'Lt', '999')], false],
    ['an unknown operator', [expression('gpu', 'Like', 't*')], false],
    [
      'all expressions of a term',
      [{ matchExpressions: [...expressions('zone', 'a'), ...expressions('gpu', 't4')] }],
      true,
    ],
    ['not all of them', [{ matchExpressions: [...expressions('zone', 'a'), ...expressions('gpu', 'a100')] }], false],
    ['one term of several', [expression('gpu', 'In', 'a100'), expression('zone', 'In', 'a')], true],
    ['no term at all', [], false],
    ['an empty term', [{}], false],
    ['an empty term next to one that holds', [{}, expression('zone', 'In', 'a')], true],
    ['a field: its name', [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['gpu-7'] }] }], true],
    ['a field: another name', [{ matchFields: [{ key: 'metadata.name', operator: 'In', values: ['gpu-8'] }] }], false],
    ['an unknown field', [{ matchFields: [{ key: 'spec.podCIDR', operator: 'In', values: ['gpu-7'] }] }], false],
    [
      'fields and expressions together',
      [
        {
          ...expression('gpu', 'In', 'a100'),
          matchFields: [{ key: 'metadata.name', operator: 'In', values: ['gpu-7'] }],
        },
      ],
      false,
    ],
  ])('%s', (_what, requiredTerms, want) => {
    expect(isSchedulable({ ...anywhere, requiredTerms }, node)).toBe(want);
  });

  test('comes on top of the node selector', () => {
    const requiredTerms = [expression('zone', 'In', 'a')];
    expect(isSchedulable({ ...anywhere, nodeSelector: { gpu: 'a100' }, requiredTerms }, node)).toBe(false);
  });
});

function expressions(key: string, value: string): NonNullable<NodeSelectorTerm['matchExpressions']> {
  return [{ key, operator: 'In', values: [value] }];
}

describe('taints', () => {
  test.each<[string, Partial<NodeFacts>, SchedulingConstraints['tolerations'], boolean]>([
    ['keep a pod away', { taints: [gpuTaint] }, [], false],
    ['of PreferNoSchedule do not', { taints: [{ ...gpuTaint, effect: 'PreferNoSchedule' }] }, [], true],
    ['of NoExecute keep a pod away, too', { taints: [{ ...gpuTaint, effect: 'NoExecute' }] }, [], false],
    ['are tolerated by key and value', { taints: [gpuTaint] }, [{ key: 'nvidia.com/gpu', value: 'present' }], true],
    ['are not by another value', { taints: [gpuTaint] }, [{ key: 'nvidia.com/gpu', value: 'absent' }], false],
    ['are not by another key', { taints: [gpuTaint] }, [{ key: 'amd.com/gpu', operator: 'Exists' }], false],
    ['are tolerated by the key alone', { taints: [gpuTaint] }, [{ key: 'nvidia.com/gpu', operator: 'Exists' }], true],
    ['are tolerated by a toleration of everything', { taints: [gpuTaint] }, [{ operator: 'Exists' }], true],
    [
      'are tolerated by a toleration of everything with their effect',
      { taints: [gpuTaint] },
      [{ operator: 'Exists', effect: 'NoSchedule' }],
      true,
    ],
    [
      'are not by everything with another effect',
      { taints: [gpuTaint] },
      [{ operator: 'Exists', effect: 'NoExecute' }],
      false,
    ],
    ['are not by an empty toleration', { taints: [gpuTaint] }, [{}], false],
    [
      'without a value are tolerated without one',
      { taints: [{ key: 'spot', effect: 'NoSchedule' }] },
      [{ key: 'spot', operator: 'Equal', effect: 'NoSchedule' }],
      true,
    ],
    [
      'are not by a comparison that we do not know',
      { taints: [{ key: 'sla', value: '95', effect: 'NoSchedule' }] },
      [{ key: 'sla', operator: 'Gt', value: '95' }],
      false,
    ],
    [
      'are each to be tolerated',
      { taints: [gpuTaint, { key: 'spot', effect: 'NoSchedule' }] },
      [{ key: 'nvidia.com/gpu', operator: 'Exists' }],
      false,
    ],
    [
      'may be tolerated one by one',
      { taints: [gpuTaint, { key: 'spot', effect: 'NoSchedule' }] },
      [
        { key: 'spot', operator: 'Exists' },
        { key: 'nvidia.com/gpu', operator: 'Exists' },
      ],
      true,
    ],
    ['do not matter on a node that takes no pods', { takesPods: false }, [{ operator: 'Exists' }], false],
  ])('%s', (_what, facts, tolerations, want) => {
    expect(isSchedulable({ ...anywhere, tolerations }, { ...node, ...facts })).toBe(want);
  });
});
