/** One sweep after the other over streams that lost their job. */
import { describe, expect, test } from '@jest/globals';

import {
  nothingMissing,
  planSweep,
  type StoredStream,
  type StreamOwner,
  type SweepPlan,
  type SweepSnapshot,
} from '../../../../src/domain/index.js';

const us = 'lease-ours';
const ownerOf = (uid: string, changes: Partial<StreamOwner> = {}): StreamOwner => ({
  operator: us,
  namespace: 'team-a',
  name: 'mnist',
  uid,
  ...changes,
});
const streamOf = (uid: string, changes: Partial<StoredStream> = {}): StoredStream => ({
  name: `DISTILL_${uid}_LOGITS`,
  uid,
  owner: ownerOf(uid),
  kept: false,
  ...changes,
});

/** Sweeps at these times; returns the last plan. */
function sweeps(
  times: readonly number[],
  changes: Partial<SweepSnapshot>,
  at: Partial<SweepSnapshot>[] = [],
): SweepPlan {
  let missing = nothingMissing;
  let plan: SweepPlan | null = null;
  for (const [turn, nowMs] of times.entries()) {
    const snapshot = { nowMs, afterMs: 1_000, operator: us, namespaces: [], jobs: [], accounts: [] };
    plan = planSweep({ ...snapshot, ...changes, ...at[turn], missing });
    ({ missing } = plan);
  }
  return plan!;
}

const shared = (...streams: StoredStream[]): SweepSnapshot['accounts'] => [{ namespace: null, streams }];
const removed = ({ remove }: SweepPlan): readonly string[] => remove.flatMap(({ streams }) => streams);

describe('a stream whose job is missing', () => {
  const accounts = shared(streamOf('u1'));

  test('goes when its time is over, and not before', () => {
    expect(sweeps([0], { accounts })).toMatchObject({ remove: [], left: { waiting: 1, kept: 0, foreign: 0 } });
    expect(removed(sweeps([0, 999], { accounts }))).toEqual([]);
    expect(sweeps([0, 1_000], { accounts })).toMatchObject({
      remove: [{ account: null, owner: ownerOf('u1'), streams: ['DISTILL_u1_LOGITS'] }],
      left: { waiting: 0 },
    });
  });

  test('waits again after a moment in which the list may have been outdated, or in which the job was there', () => {
    expect(removed(sweeps([0, 900, 1_000], { accounts }, [{}, { jobs: null }]))).toEqual([]);
    expect(removed(sweeps([0, 900, 1_900, 2_000], { accounts }, [{}, { jobs: null }]))).toEqual([]);
    expect(removed(sweeps([0, 900, 1_900, 2_900], { accounts }, [{}, { jobs: null }]))).toHaveLength(1);
    const back = { jobs: [{ namespace: 'team-a', name: 'mnist', uid: 'u1' }] };
    expect(removed(sweeps([0, 900, 1_000], { accounts }, [{}, back]))).toEqual([]);
  });

  test('goes although a job of the same name is there with another uid, which keeps its own', () => {
    const both = shared(streamOf('u1'), streamOf('u2'));
    const jobs = [{ namespace: 'team-a', name: 'mnist', uid: 'u2' }];
    expect(removed(sweeps([0, 1_000], { accounts: both, jobs }))).toEqual(['DISTILL_u1_LOGITS']);
  });

  test.each([
    ['without a mark', streamOf('u1', { owner: null }), { foreign: 1, kept: 0 }],
    ['of another operator', streamOf('u1', { owner: ownerOf('u1', { operator: 'other' }) }), { foreign: 1, kept: 0 }],
    ['whose mark names another job', streamOf('u1', { owner: ownerOf('u2') }), { foreign: 1, kept: 0 }],
    [
      'of a namespace that is not served',
      streamOf('u1', { owner: ownerOf('u1', { namespace: 'x' }) }),
      { foreign: 1, kept: 0 },
    ],
    ['that is marked as kept', streamOf('u1', { kept: true }), { foreign: 0, kept: 1 }],
    ['that is kept and lost its mark', streamOf('u1', { kept: true, owner: null }), { foreign: 0, kept: 1 }],
    ['of something else', streamOf('u1', { name: 'orders', uid: null, owner: null }), { foreign: 0, kept: 0 }],
  ])('stays %s', (_what, stream, left) => {
    const plan = sweeps([0, 1_000, 9_000], { accounts: shared(stream), namespaces: ['team-a'] });
    expect(plan).toMatchObject({ mark: [], remove: [], close: [], left: { waiting: 0, ...left } });
  });

  test('keeps the other streams of its job when one is marked as kept', () => {
    const two = shared(streamOf('u1'), streamOf('u1', { name: 'OBJ_DISTILL_u1_CKPT', kept: true }));
    expect(sweeps([0, 1_000], { accounts: two })).toMatchObject({ remove: [], left: { kept: 2 } });
  });

  test('stays in the account of another namespace', () => {
    const elsewhere = [{ namespace: 'team-b', streams: [streamOf('u1')] }];
    expect(sweeps([0, 1_000], { accounts: elsewhere })).toMatchObject({ remove: [], left: { foreign: 1 } });
  });
});

describe('a stream of a job that is there', () => {
  const jobs = [{ namespace: 'team-a', name: 'mnist', uid: 'u1' }];

  test('gets its mark when it has none or another one', () => {
    const accounts = shared(
      streamOf('u1', { owner: null }),
      streamOf('u1', { name: 'DISTILL_u1_DEAD', owner: ownerOf('u1', { operator: 'before' }) }),
      streamOf('u1', { name: 'DISTILL_u1_WORK' }),
    );
    expect(sweeps([0], { accounts, jobs }).mark).toEqual([
      { account: null, stream: 'DISTILL_u1_LOGITS', owner: ownerOf('u1') },
      { account: null, stream: 'DISTILL_u1_DEAD', owner: ownerOf('u1') },
    ]);
  });

  test('gets none in the account of another namespace', () => {
    const accounts = [{ namespace: 'team-b', streams: [streamOf('u1', { owner: null })] }];
    expect(sweeps([0], { accounts, jobs }).mark).toEqual([]);
  });
});

describe('the account of a namespace', () => {
  const empty = [{ namespace: 'team-a', streams: [] }];

  test('is closed when it was empty and without jobs for the time', () => {
    expect(sweeps([0, 999], { accounts: empty }).close).toEqual([]);
    expect(sweeps([0, 1_000], { accounts: empty }).close).toEqual(['team-a']);
  });

  test('stays open while it has a job or any stream, and when it is not served', () => {
    const jobs = [{ namespace: 'team-a', name: 'mnist', uid: 'u1' }];
    expect(sweeps([0, 1_000], { accounts: empty, jobs }).close).toEqual([]);
    const used = [{ namespace: 'team-a', streams: [streamOf('u1', { name: 'orders', uid: null, owner: null })] }];
    expect(sweeps([0, 1_000], { accounts: used }).close).toEqual([]);
    expect(sweeps([0, 1_000], { accounts: empty, namespaces: ['team-b'] }).close).toEqual([]);
    expect(sweeps([0, 1_000], { accounts: shared() }).close).toEqual([]);
  });
});
