/** The sweep for streams without a job, over fakes: in which order it asks and acts, and what stops it. */
import { beforeEach, describe, expect, test } from '@jest/globals';

import type { JobKey } from '../../../src/controller/index.js';
import { OrphanSweep, type SweepReport } from '../../../src/controller/index.js';
import type { StoredStream, StreamOwner } from '../../../src/domain/index.js';
import { FakeClock } from '../../kit/clock.js';

const gone: JobKey = { namespace: 'team-a', name: 'gone', uid: 'u-gone' };
const stays: JobKey = { namespace: 'team-a', name: 'stays', uid: 'u-stays' };

const streamOf = (job: JobKey, kind = 'LOGITS'): StoredStream => ({
  name: `DISTILL_${job.uid}_${kind}`,
  uid: job.uid,
  owner: { operator: 'us', ...job },
  kept: false,
});

function world() {
  const clock = new FakeClock(0);
  const calls: string[] = [];
  const reports: SweepReport[] = [];
  const leading = new AbortController();
  const at = {
    clock,
    calls,
    reports,
    leading,
    jobs: [stays],
    /** What the API server answers when it is asked for a job. */
    stored: [stays],
    current: true,
    operator: 'us' as string | null,
    accounts: new Map<string | null, StoredStream[]>([[null, [streamOf(gone), streamOf(stays)]]]),
    problem: null as Error | null,
    broken: new Set<string | null>(),
    /** Happens while the API server is asked. */
    meanwhile: (): void => undefined,
  };
  const sweep = new OrphanSweep({
    streams: {
      accounts: () => Promise.resolve({ accounts: [...at.accounts.keys()], problem: at.problem }),
      list: (account) => {
        calls.push(`list ${String(account)}`);
        if (at.broken.has(account)) return Promise.reject(new Error('no answer'));
        return Promise.resolve(at.accounts.get(account) ?? []);
      },
      mark: (_account, stream) => {
        calls.push(`mark ${stream}`);
        return Promise.resolve();
      },
      remove: (account, { uid }: StreamOwner, streams) => {
        calls.push(`remove ${streams.join()}`);
        if (at.broken.has(uid)) return Promise.reject(new Error('no answer'));
        const kept = (at.accounts.get(account) ?? []).filter(({ name }) => !streams.includes(name));
        at.accounts.set(account, kept);
        return Promise.resolve(streams);
      },
      close: (namespace) => {
        calls.push(`close ${namespace}`);
        at.accounts.delete(namespace);
        return Promise.resolve();
      },
    },
    jobs: () => at.jobs,
    jobsAreCurrent: () => at.current,
    jobExists: ({ uid }) => {
      calls.push(`ask for ${uid}`);
      at.meanwhile();
      return Promise.resolve(at.stored.some((job) => job.uid === uid));
    },
    operator: () => Promise.resolve(at.operator),
    namespaces: [],
    afterMs: 1_000,
    monotonicMs: () => clock.now(),
    clock,
    report: (report) => reports.push(report),
  });
  /** The calls of a round, this long after the last one. */
  const round = async (afterMs = 0): Promise<readonly string[]> => {
    calls.length = 0;
    reports.length = 0;
    await clock.advance(afterMs);
    await sweep.round(leading.signal);
    return calls.filter((call) => !call.startsWith('list'));
  };
  return { at, sweep, round, kinds: () => reports.map(({ kind }) => kind) };
}

let { at, sweep, round, kinds }: ReturnType<typeof world> = world();
beforeEach(() => {
  ({ at, sweep, round, kinds } = world());
});

describe('a sweep', () => {
  test('asks the API server, then removes what the missing job left, and nothing else', async () => {
    expect(await round()).toEqual([]);
    expect(await round(999)).toEqual([]);
    expect(await round(1)).toEqual(['ask for u-gone', 'remove DISTILL_u-gone_LOGITS']);
    expect(at.reports).toMatchObject([
      { kind: 'left', left: { waiting: 0, kept: 0, foreign: 0 } },
      { kind: 'removed', orphan: { owner: { name: 'gone' } }, streams: ['DISTILL_u-gone_LOGITS'] },
    ]);
    expect(await round(5_000)).toEqual([]);
  });

  test('spares a job that the API server knows and the watch does not', async () => {
    await round();
    at.stored = [stays, gone];
    expect(await round(1_000)).toEqual(['ask for u-gone']);
    expect(kinds()).toEqual(['left', 'spared']);
  });

  test('does nothing and restarts the time while the list may be outdated', async () => {
    await round();
    at.current = false;
    expect([await round(1_000), kinds()]).toEqual([[], []]);
    at.current = true;
    expect(await round(10)).toEqual([]);
    expect(await round(1_000)).toHaveLength(2);
  });

  test.each<[string, () => void]>([
    ['the list becomes outdated', () => void (at.current = false)],
    ['the job appears', () => void (at.jobs = [stays, gone])],
  ])('removes nothing when %s while it asks', async (_what, meanwhile) => {
    await round();
    at.meanwhile = meanwhile;
    expect(await round(1_000)).toEqual(['ask for u-gone']);
    expect(kinds()).toEqual(['left']);
  });

  test('removes nothing of the next job once it no longer leads', async () => {
    const other = { ...gone, uid: 'u-other' };
    at.accounts.set(null, [streamOf(gone), streamOf(other)]);
    await round();
    at.meanwhile = () => at.leading.abort();
    expect(await round(1_000)).not.toContain('ask for u-other');
    expect(await round(1_000)).toEqual([]);
  });

  test('does nothing before it knows which installation it is', async () => {
    at.operator = null;
    await round();
    expect(await round(9_000)).toEqual([]);
    expect(at.calls).toEqual([]);
  });

  test('marks streams of jobs that are there, at once', async () => {
    at.accounts.set(null, [{ ...streamOf(stays), owner: null }]);
    expect(await round()).toEqual(['mark DISTILL_u-stays_LOGITS']);
  });

  test('closes the empty account, after the streams and after the same time again', async () => {
    at.accounts = new Map([['team-b', [streamOf({ ...gone, namespace: 'team-b' })]]]);
    await round();
    await round(1_000);
    expect(await round(10)).toEqual([]);
    expect(await round(1_000)).toEqual(['close team-b']);
    expect(kinds()).toEqual(['left', 'closed']);
  });
});

describe('a failure', () => {
  test('stops no other account and no other job, is reported once, and is retried', async () => {
    const other = { ...gone, namespace: 'team-b', uid: 'u-other' };
    const third = { ...gone, namespace: 'team-b', uid: 'u-third' };
    at.accounts = new Map([
      ['team-a', [streamOf(gone)]],
      ['team-b', [streamOf(other), streamOf(third)]],
    ]);
    at.broken = new Set(['team-a', 'u-other']);
    await round();
    expect(at.reports).toMatchObject([{ kind: 'failed', doing: 'list streams of namespace team-a' }, { kind: 'left' }]);
    expect(await round(1_000)).toContain('remove DISTILL_u-third_LOGITS');
    expect(kinds()).toEqual(['left', 'failed', 'removed']);
    await round(10);
    expect(kinds()).toEqual(['left']);
    at.broken = new Set();
    await round(10);
    expect(kinds()).toEqual(['left', 'removed']);
    // Its time began with the first list.
    expect(await round(1_000)).toContain('remove DISTILL_u-gone_LOGITS');
  });

  test('to find accounts without jobs leaves the others', async () => {
    at.problem = new Error('may not list');
    await round();
    expect(at.reports[0]).toMatchObject({ kind: 'failed', error: at.problem });
    expect(await round(1_000)).toContain('remove DISTILL_u-gone_LOGITS');
  });
});

test('it sweeps on its own until it no longer leads, and more often when the time is short', async () => {
  const ended = sweep.run(at.leading.signal);
  for (let step = 0; step < 12; step++) await at.clock.advance(125);
  expect(at.calls).toContain('remove DISTILL_u-gone_LOGITS');
  at.leading.abort();
  await ended;
});
