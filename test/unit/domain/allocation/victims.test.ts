/** Who goes first. */
import { expect, test } from '@jest/globals';

import { inVictimOrder } from '../../../../src/domain/allocation/victims.js';

const pod = { node: 'a' as string | null, ready: true, coLocatedSlots: 0, samplesPerSecond: 500, createdAtMs: 1_000 };
const pods = [
  { ...pod, name: 'plain' },
  { ...pod, name: 'alike' },
  { ...pod, name: 'young', createdAtMs: 2_000 },
  { ...pod, name: 'slow', samplesPerSecond: 400 },
  { ...pod, name: 'loading', ready: false, samplesPerSecond: 0 },
  { ...pod, name: 'homeless', node: null, ready: false, samplesPerSecond: 0 },
  { ...pod, name: 'beside one', coLocatedSlots: 1, samplesPerSecond: 900 },
  { ...pod, name: 'beside six', coLocatedSlots: 6, samplesPerSecond: 900 },
  { ...pod, name: 'in the way', node: 'needed', samplesPerSecond: 900 },
];
const order = ['in the way', 'homeless', 'loading', 'beside six', 'beside one', 'slow', 'young', 'alike', 'plain'];

test('those on a needed node, then without one, not ready, beside most of others, slow, young, by name', () => {
  const names = (given: typeof pods, ...needed: readonly string[]): string[] =>
    inVictimOrder(given, new Set(needed)).map(({ name }) => name);
  expect(names(pods, 'needed')).toEqual(order);
  expect(names(pods.toReversed(), 'needed')).toEqual(order);
  expect(names(pods)[0]).toBe('homeless');
});
