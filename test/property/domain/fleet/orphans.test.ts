/** Sweeps over any history of jobs, marks and outages remove only what docs/adr/0028 lets them. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  type MissingSince,
  nothingMissing,
  planSweep,
  type StoredStream,
  type StreamAccount,
  type StreamOwner,
  type SweepPlan,
  type SweepSnapshot,
} from '../../../../src/domain/index.js';

const us = 'lease-ours';
const afterMs = 1_000;
const kinds = ['LOGITS', 'CKPT'];
const uids = ['u1', 'u2', 'u3'];
const namespaces = ['team-a', 'team-b'];

const owner: fc.Arbitrary<StreamOwner> = fc.record({
  operator: fc.constantFrom(us, us, us, 'lease-other'),
  namespace: fc.constantFrom(...namespaces),
  name: fc.constantFrom('mnist', 'cifar'),
  uid: fc.constantFrom(...uids),
});

/** Mostly of one owner, as real ones are; also renamed, unmarked and others' streams. */
const stream: fc.Arbitrary<StoredStream> = fc
  .record({
    uid: fc.option(fc.constantFrom(...uids), { freq: 8 }),
    kind: fc.constantFrom(...kinds),
    owner: fc.option(owner, { freq: 6 }),
    matches: fc.boolean(),
    kept: fc.integer({ min: 0, max: 9 }).map((of) => of === 0),
  })
  .map(({ uid, kind, owner, matches, kept }) => ({
    name: uid === null ? `orders-${kind}` : `DISTILL_${uid}_${kind}`,
    uid,
    owner: owner !== null && uid !== null && matches ? { ...owner, uid } : owner,
    kept,
  }));

const streams = fc.uniqueArray(stream, { selector: ({ name }) => name, maxLength: 6 });

const jobs = fc.uniqueArray(
  fc.record({
    uid: fc.constantFrom(...uids),
    namespace: fc.constantFrom(...namespaces),
    name: fc.constantFrom('mnist', 'cifar'),
  }),
  { selector: ({ uid }) => uid, maxLength: 2 },
);

type Round = Pick<SweepSnapshot, 'jobs' | 'accounts'> & { readonly passesMs: number };

const accounts: fc.Arbitrary<readonly StreamAccount[]> = fc.oneof(
  streams.map((shared) => [{ namespace: null, streams: shared }]),
  fc
    .tuple(fc.option(streams, { freq: 6 }), fc.option(streams, { freq: 6 }))
    .map((each) => each.flatMap((of, at) => (of === null ? [] : [{ namespace: namespaces[at]!, streams: of }]))),
);

/** Most rounds see what the one before saw. */
const history: fc.Arbitrary<{ readonly served: readonly string[]; readonly rounds: readonly Round[] }> = fc
  .record({
    served: fc.constantFrom<readonly string[]>([], [], ['team-a']),
    first: fc.record({ jobs, accounts }),
    changes: fc.array(
      fc.record({
        jobs: fc.oneof({ weight: 8, arbitrary: fc.constant('same' as const) }, jobs, fc.constant(null)),
        accounts: fc.oneof({ weight: 8, arbitrary: fc.constant('same' as const) }, accounts),
        passesMs: fc.integer({ min: 0, max: 700 }),
      }),
      { minLength: 1, maxLength: 10 },
    ),
  })
  .map(({ served, first, changes }) => {
    let seen: Pick<Round, 'accounts'> & { readonly jobs: NonNullable<Round['jobs']> } = first;
    const rounds = changes.map((change) => {
      const known = change.jobs === 'same' || change.jobs === null ? seen.jobs : change.jobs;
      seen = { jobs: known, accounts: change.accounts === 'same' ? seen.accounts : change.accounts };
      return { ...seen, jobs: change.jobs === null ? null : known, passesMs: change.passesMs };
    });
    return { served, rounds };
  });

interface Done {
  readonly nowMs: number;
  readonly round: Round;
  readonly plan: SweepPlan;
}

function live({ served, rounds }: { readonly served: readonly string[]; readonly rounds: readonly Round[] }): Done[] {
  let nowMs = 0;
  let missing: MissingSince = nothingMissing;
  return rounds.map((round) => {
    nowMs += round.passesMs;
    const plan = planSweep({ nowMs, afterMs, operator: us, namespaces: served, missing, ...round });
    ({ missing } = plan);
    return { nowMs, round, plan };
  });
}

/** Whether this was so in every round of at least `afterMs` until this one. */
function forLong(done: readonly Done[], until: number, wasSo: (round: Round) => boolean): boolean {
  const first = done.slice(0, until + 1).findLastIndex(({ round }) => !wasSo(round)) + 1;
  const since = done[first];
  return first <= until && since !== undefined && done[until]!.nowMs - since.nowMs >= afterMs;
}

const knows = (uid: string) => (round: Round) => round.jobs?.some((job) => job.uid === uid) === true;
const holds = (uid: string) => (round: Round) =>
  round.accounts.some(({ streams: all }) => all.some((each) => each.uid === uid));

describe('whatever jobs, marks and outages there are', () => {
  test('a removed stream carries our own mark, of a job that was missing long enough from lists that were current', () => {
    let removals = 0;
    fc.assert(
      fc.property(history, (given) => {
        const done = live(given);
        done.forEach(({ round, plan }, at) => {
          for (const { account, owner: named, streams: names } of plan.remove) {
            removals += 1;
            const stored = round.accounts.find(({ namespace }) => namespace === account)!.streams;
            for (const name of names) {
              const found = stored.find((each) => each.name === name)!;
              expect(found.owner).toMatchObject({ operator: us, uid: named.uid });
              expect([found.uid, found.kept]).toEqual([named.uid, false]);
              if (account !== null) expect(found.owner?.namespace).toBe(account);
              if (given.served.length > 0) expect(given.served).toContain(found.owner?.namespace);
            }
            expect(stored.some(({ uid, kept }) => uid === named.uid && kept)).toBe(false);
            expect(
              forLong(done, at, (seen) => seen.jobs !== null && !knows(named.uid)(seen) && holds(named.uid)(seen)),
            ).toBe(true);
          }
        });
      }),
      { numRuns: 3_000 },
    );
    // The property is about something.
    expect(removals).toBeGreaterThan(100);
  });

  test('nothing of a present job is removed, and nothing at all under a list that may be outdated', () => {
    fc.assert(
      fc.property(history, (given) => {
        for (const { round, plan } of live(given)) {
          if (round.jobs === null) expect([plan.mark, plan.remove, plan.close]).toEqual([[], [], []]);
          else for (const { owner: named } of plan.remove) expect(knows(named.uid)(round)).toBe(false);
        }
      }),
      { numRuns: 1_000 },
    );
  });

  test('a mark is written only for a job that exists, in its own account, where it is not written yet', () => {
    let marks = 0;
    fc.assert(
      fc.property(history, (given) => {
        for (const { round, plan } of live(given)) {
          for (const { account, stream: name, owner: named } of plan.mark) {
            marks += 1;
            const found = round.accounts
              .find(({ namespace }) => namespace === account)!
              .streams.find((each) => each.name === name)!;
            expect(round.jobs).toContainEqual({ namespace: named.namespace, name: named.name, uid: named.uid });
            expect([named.operator, found.uid]).toEqual([us, named.uid]);
            expect(found.owner).not.toEqual(named);
            if (account !== null) expect(named.namespace).toBe(account);
          }
        }
      }),
      { numRuns: 1_000 },
    );
    expect(marks).toBeGreaterThan(100);
  });

  test('a closed account was empty and without jobs long enough', () => {
    let closings = 0;
    fc.assert(
      fc.property(history, (given) => {
        const done = live(given);
        done.forEach(({ plan }, at) => {
          for (const closed of plan.close) {
            closings += 1;
            if (given.served.length > 0) expect(given.served).toContain(closed);
            const isEmpty = (round: Round): boolean =>
              round.jobs?.every(({ namespace }) => namespace !== closed) === true &&
              round.accounts.some(({ namespace, streams: all }) => namespace === closed && all.length === 0);
            expect(forLong(done, at, isEmpty)).toBe(true);
          }
        });
      }),
      { numRuns: 3_000 },
    );
    expect(closings).toBeGreaterThan(20);
  });
});
