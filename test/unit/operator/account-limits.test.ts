/** Limits of accounts, as written in the operator's settings. */
import { describe, expect, test } from '@jest/globals';

import { parseAccountLimits, parseNamespaceLimits } from '../../../src/operator/account-limits.js';

const GiB = 1024 ** 3;
const none = { storageBytes: null, memoryBytes: null, streams: null, consumers: null, connections: null };

describe('limits of all accounts', () => {
  test('are a list; an omitted limit is unlimited', () => {
    expect(parseAccountLimits('')).toEqual(none);
    expect(parseAccountLimits('storage=100Gi, memory=4Gi,streams=500,consumers=200,connections=1000,')).toEqual({
      storageBytes: 100 * GiB,
      memoryBytes: 4 * GiB,
      streams: 500,
      consumers: 200,
      connections: 1_000,
    });
    expect(parseAccountLimits('storage=1T')).toEqual({ ...none, storageBytes: 1e12 });
  });

  test.each([
    'storage',
    'storage=',
    'storage=0',
    'storage=-1',
    'storage=1.5Gi',
    'storage=999999999999999Ti',
    'streams=1Ki',
    'streams=0',
    'streams=1e3',
    'streams=1=2',
    'streams=1,streams=2',
    'disk=1Gi',
    'team-a:storage=1Gi',
    'constructor=1',
  ])('%s is refused', (wrong) => {
    expect(parseAccountLimits(wrong)).toBeNull();
  });
});

describe('limits of single namespaces', () => {
  test('are lists after the name of the namespace; an omitted limit is left out', () => {
    expect(parseNamespaceLimits('')).toEqual(new Map());
    expect(parseNamespaceLimits('team-a:storage=1Ti,streams=2000; team-b:connections=5;')).toEqual(
      new Map<string, object>([
        ['team-a', { storageBytes: 1024 * GiB, streams: 2_000 }],
        ['team-b', { connections: 5 }],
      ]),
    );
  });

  test.each([
    'team-a',
    'team-a:',
    'Team:streams=1',
    ':streams=1',
    'a:streams=1;a:streams=2',
    'a:streams=0',
    'a:b:streams=1',
  ])('%s is refused', (wrong) => {
    expect(parseNamespaceLimits(wrong)).toBeNull();
  });
});
