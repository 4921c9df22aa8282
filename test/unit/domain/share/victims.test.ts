/** Who goes first. */
import { expect, test } from '@jest/globals';

import { victims } from '../../../../src/domain/share/index.js';

const pod = { node: 'a' as string | null, ready: true, besideOthers: 0, samplesPerSecond: 500, createdAtMs: 1_000 };
const pods = [
  { ...pod, name: 'plain' },
  { ...pod, name: 'alike' },
  { ...pod, name: 'young', createdAtMs: 2_000 },
  { ...pod, name: 'slow', samplesPerSecond: 400 },
  { ...pod, name: 'loading', ready: false, samplesPerSecond: 0 },
  { ...pod, name: 'homeless', node: null, ready: false, samplesPerSecond: 0 },
  { ...pod, name: 'beside one', besideOthers: 1, samplesPerSecond: 900 },
  { ...pod, name: 'beside six', besideOthers: 6, samplesPerSecond: 900 },
  { ...pod, name: 'in the way', node: 'needed', samplesPerSecond: 900 },
];
const order = ['in the way', 'homeless', 'loading', 'beside six', 'beside one', 'slow', 'young', 'alike', 'plain'];

test('those on a needed node, then without one, not ready, beside most of others, slow, young, by name', () => {
  expect(victims(pods, 9, new Set(['needed']))).toEqual(order);
  expect(victims(pods.toReversed(), 9, new Set(['needed']))).toEqual(order);
});

test('as many as go', () => {
  expect(victims(pods, 2, new Set(['needed']))).toEqual(['in the way', 'homeless']);
  expect(victims(pods, 1)).toEqual(['homeless']);
  expect(victims(pods, 0)).toEqual([]);
  expect(victims(pods, -1)).toEqual([]);
  expect(victims(pods, 99)).toHaveLength(9);
});
