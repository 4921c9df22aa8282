/** Which teachers leave first. */
import { expect, test } from '@jest/globals';

import { inVictimOrder } from '../../../../src/domain/allocation/victims.js';

const pod = { node: 'a' as string | null, ready: true, coLocatedSlots: 0, samplesPerSecond: 500, createdAtMs: 1_000 };
const pods = [
  { ...pod, name: 'plain' },
  { ...pod, name: 'equal' },
  { ...pod, name: 'young', createdAtMs: 2_000 },
  { ...pod, name: 'slow', samplesPerSecond: 400 },
  { ...pod, name: 'loading', ready: false, samplesPerSecond: 0 },
  { ...pod, name: 'unbound', node: null, ready: false, samplesPerSecond: 0 },
  { ...pod, name: 'next to one', coLocatedSlots: 1, samplesPerSecond: 900 },
  { ...pod, name: 'next to six', coLocatedSlots: 6, samplesPerSecond: 900 },
  { ...pod, name: 'on a reclaimed node', node: 'reclaimed', samplesPerSecond: 900 },
];
const order = [
  'on a reclaimed node',
  'unbound',
  'loading',
  'next to six',
  'next to one',
  'slow',
  'young',
  'equal',
  'plain',
];

test('on a reclaimed node, without a node, not ready, next to most other slots, slow, young, by name', () => {
  const names = (given: typeof pods, ...reclaimed: readonly string[]): string[] =>
    inVictimOrder(given, new Set(reclaimed)).map(({ name }) => name);
  expect(names(pods, 'reclaimed')).toEqual(order);
  expect(names(pods.toReversed(), 'reclaimed')).toEqual(order);
  expect(names(pods)[0]).toBe('unbound');
});
