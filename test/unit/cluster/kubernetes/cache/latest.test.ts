/** Which version of an object counts: the one from the watch, or the answer to a write that the watch has not delivered yet. */
import { describe, expect, test } from '@jest/globals';

import { OwnedIndex } from '../../../../../src/cluster/kubernetes/cache/owned-index.js';
import { Latest } from '../../../../../src/cluster/kubernetes/cache/latest.js';
import type { OwnedView } from '../../../../../src/cluster/kubernetes/cache/views.js';
import { FakeClock } from '../../../../kit/clock.js';

const at = (resourceVersion: string): { readonly resourceVersion: string } => ({ resourceVersion });

describe('the latest version of an object', () => {
  test('is null before anything is known', () => {
    expect(new Latest().current(0)).toBeNull();
  });

  test('is the one from the watch', () => {
    const latest = new Latest();
    latest.observed(at('7'));
    latest.observed(at('9'));
    expect(latest.current(0)).toEqual(at('9'));
  });

  test('is the answer to our write until the watch delivers it', () => {
    const latest = new Latest();
    latest.observed(at('9'));
    latest.answered(at('12'), 0);
    expect(latest.current(100)).toEqual(at('12'));
    latest.observed(at('11'));
    expect(latest.current(200)).toEqual(at('12'));
    latest.observed(at('12'));
    latest.observed(at('13'));
    expect(latest.current(300)).toEqual(at('13'));
  });

  test('is not an answer that is older than what the watch delivered meanwhile', () => {
    const latest = new Latest();
    latest.observed(at('15'));
    latest.answered(at('12'), 0);
    expect(latest.current(0)).toEqual(at('15'));
  });

  test('is compared as a number, however long', () => {
    const latest = new Latest();
    latest.observed(at('999'));
    latest.answered(at('1000'), 0);
    expect(latest.current(0)).toEqual(at('1000'));
    latest.observed(at('18446744073709551616'));
    latest.answered(at('18446744073709551617'), 0);
    expect(latest.current(0)).toEqual(at('18446744073709551617'));
  });

  test('is the one from the watch soon after an API server was restored to an older state', () => {
    const latest = new Latest();
    latest.answered(at('5000'), 0);
    latest.observed(at('120'));
    expect(latest.current(10_000)).toEqual(at('5000'));
    expect(latest.current(10_001)).toEqual(at('120'));
    // A write in the new time line is newer than the old one, whatever their numbers.
    latest.answered(at('130'), 11_000);
    expect(latest.current(11_000)).toEqual(at('130'));
  });

  test('is the one from a list that was requested after the answer, whatever their numbers', () => {
    const latest = new Latest();
    latest.observed(at('90'));
    latest.answered(at('5000'), 1_000);
    expect([latest.listed(1_000), latest.current(1_000)]).toEqual([false, at('5000')]);
    latest.observed(at('80'));
    expect([latest.listed(1_001), latest.current(1_001)]).toEqual([true, at('80')]);
    expect(latest.listed(1_002)).toBe(false);
  });

  test('is null again when the watch never delivers the answer', () => {
    const latest = new Latest();
    latest.answered(at('12'), 0);
    expect([latest.current(10_000), latest.current(10_001)]).toEqual([at('12'), null]);
  });
});

function view(name: string, changes: Partial<OwnedView> = {}): OwnedView {
  return {
    uid: `uid-${name}`,
    namespace: 'default',
    name,
    resourceVersion: '10',
    jobUid: 'u-1',
    jobName: 'mnist',
    deleting: false,
    generation: 1,
    applied: 'hash-1',
    ...changes,
  };
}

const jobOf = (uid: string, namespace = 'default') => ({ namespace, name: 'mnist', uid });

describe('the objects of a job', () => {
  const index = (): { readonly index: OwnedIndex<OwnedView>; readonly clock: FakeClock } => {
    const clock = new FakeClock();
    return { index: new OwnedIndex(clock), clock };
  };
  const names = (of: OwnedIndex<OwnedView>, jobUid = 'u-1', namespace = 'default'): string[] =>
    of.of(jobOf(jobUid, namespace)).map(({ name, resourceVersion }) => `${name}@${resourceVersion}`);

  test('are found by its uid alone', () => {
    const { index: known } = index();
    known.observed(null, view('a'));
    known.observed(null, view('b'));
    known.observed(null, view('c', { jobUid: 'u-2' }));
    expect([names(known), names(known, 'u-2'), names(known, 'u-3')]).toEqual([['a@10', 'b@10'], ['c@10'], []]);
  });

  test('exclude objects without a job', () => {
    const { index: known } = index();
    known.observed(null, view('a', { jobUid: '' }));
    expect(known.of(jobOf(''))).toEqual([]);
  });

  test('are in its namespace: a copy of its uid elsewhere does not count', () => {
    const { index: known } = index();
    known.observed(null, view('a', { resourceVersion: '10' }));
    known.observed(null, view('a', { resourceVersion: '99', namespace: 'other', uid: 'uid-forged' }));
    known.observed(null, view('b', { jobName: 'other' }));
    expect(names(known)).toEqual(['a@10']);
    known.observed(view('a', { resourceVersion: '99', namespace: 'other', uid: 'uid-forged' }), null);
    expect(names(known)).toEqual(['a@10']);
  });

  test('exclude objects that were given to another owner', () => {
    const { index: known } = index();
    known.observed(null, view('a'));
    known.observed(view('a'), view('a', { resourceVersion: '11', jobUid: '', jobName: '' }));
    expect(names(known)).toEqual([]);
    known.observed(view('a', { resourceVersion: '11', jobUid: '', jobName: '' }), view('a', { resourceVersion: '12' }));
    known.observed(view('a', { resourceVersion: '12' }), view('a', { resourceVersion: '13', jobUid: 'u-2' }));
    expect([names(known), names(known, 'u-2')]).toEqual([[], ['a@13']]);
  });

  test('include an object from the answer to its create', () => {
    const { index: known } = index();
    known.answered(view('a', { resourceVersion: '12' }));
    expect(names(known)).toEqual(['a@12']);
    known.observed(null, view('a', { resourceVersion: '11' }));
    expect(names(known)).toEqual(['a@12']);
    known.observed(view('a', { resourceVersion: '11' }), view('a', { resourceVersion: '14' }));
    expect(names(known)).toEqual(['a@14']);
  });

  test('are removed when the watch says so', () => {
    const { index: known } = index();
    known.observed(null, view('a'));
    known.observed(view('a'), null);
    expect(names(known)).toEqual([]);
  });

  test('are those of a list that was requested after an answer: the store may have been restored', () => {
    const { index: known, clock } = index();
    known.observed(null, view('a'));
    known.answered(view('a', { resourceVersion: '50' }));
    known.answered(view('b', { resourceVersion: '51', namespace: 'other', jobUid: 'u-3' }));
    known.answered(view('c', { resourceVersion: '52', jobUid: 'u-2' }));
    const askedAtMs = clock.now() + 1;
    expect(known.listed(askedAtMs, 'default')).toEqual(['u-1', 'u-2']);
    expect([names(known), names(known, 'u-2'), names(known, 'u-3', 'other')]).toEqual([['a@10'], [], ['b@51']]);
    expect(known.listed(askedAtMs, undefined)).toEqual(['u-3']);
    expect(names(known)).toEqual(['a@10']);
    expect(known.listed(askedAtMs, undefined)).toEqual([]);
  });

  test('are removed although they were written a moment ago', () => {
    const { index: known } = index();
    known.observed(null, view('a'));
    known.answered(view('a', { resourceVersion: '12' }));
    known.observed(view('a'), null);
    expect(names(known)).toEqual([]);
  });

  test('exist although the watch is late with the deletion of a former object of that name', () => {
    const { index: known } = index();
    known.observed(null, view('a'));
    known.answered(view('a', { uid: 'uid-new', resourceVersion: '30' }));
    known.observed(view('a'), null);
    expect(names(known)).toEqual(['a@30']);
    known.observed(null, view('a', { uid: 'uid-new', resourceVersion: '30' }));
    expect(names(known)).toEqual(['a@30']);
  });

  test('return to an older state when the API server is restored', async () => {
    const { index: known, clock } = index();
    known.observed(null, view('a', { resourceVersion: '5000' }));
    known.answered(view('a', { resourceVersion: '5001' }));
    known.observed(view('a', { resourceVersion: '5000' }), view('a', { resourceVersion: '120' }));
    expect(names(known)).toEqual(['a@5001']);
    await clock.advance(10_001);
    expect(names(known)).toEqual(['a@120']);
  });

  test('are removed when it is restored to before their creation', async () => {
    const { index: known, clock } = index();
    known.answered(view('a', { resourceVersion: '5001' }));
    await clock.advance(10_001);
    expect(names(known)).toEqual([]);
  });
});
