/** Leader election: who may take the lease and when, how a term ends, and how the lease is released. */
import { randomFrom } from '@distillery/base';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';

import { leaseDurations, LeaderElector, type Term } from '../../../src/controller/index.js';
import { microTime } from '../../../src/controller/leader.js';
import { FakeClock, settled } from '../../kit/clock.js';
import { type Fate, FakeLeaseStore, swift } from '../../kit/leases.js';
import { quietLog } from '../../kit/stream.js';

const startMs = Date.UTC(2026, 0, 2, 3, 4, 5, 678);
const silent: Fate = { thereMs: 0, backMs: 0, ending: 'silent' };

let clock: FakeClock;
let store: FakeLeaseStore;
let running: Candidate[];

interface Candidate {
  readonly elector: LeaderElector;
  readonly terms: Term[];
  readonly behavior: Behavior;
  readonly stop: AbortController;
  readonly ended: Promise<void>;
}

interface Behavior {
  fate: () => Fate;
  /** What the work of a term does once its signal aborted. */
  windDown: () => Promise<void>;
}

function candidate(identity: string, parts: Partial<Behavior> = {}): Candidate {
  const behavior: Behavior = { fate: () => swift, windDown: () => Promise.resolve(), ...parts };
  const terms: Term[] = [];
  const stop = new AbortController();
  const elector = new LeaderElector({
    leases: store.client(clock, () => behavior.fate()),
    identity,
    clock,
    monotonicMs: () => clock.now(),
    random: randomFrom(identity.length),
    durations: leaseDurations(15),
    log: quietLog,
  });
  const ended = elector.run(stop.signal, async (term) => {
    terms.push(term);
    if (!term.signal.aborted) await aborted(term.signal);
    await behavior.windDown();
  });
  const made: Candidate = { elector, terms, behavior, stop, ended };
  running.push(made);
  return made;
}

function aborted(signal: AbortSignal): Promise<unknown> {
  return new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
}

/** Lets everything that just started reach its first wait, then advances the clock. */
async function pass(ms: number): Promise<void> {
  await settled();
  await clock.advance(ms);
}

/** Advances by small steps until the condition holds; fails after a virtual minute. */
async function until(condition: () => boolean): Promise<number> {
  const sinceMs = clock.now();
  while (!condition()) {
    if (clock.now() - sinceMs > 60_000) throw new Error('not within a minute');
    await pass(100);
  }
  return clock.now() - sinceMs;
}

beforeEach(() => {
  clock = new FakeClock(startMs);
  store = new FakeLeaseStore();
  running = [];
});

afterEach(async () => {
  for (const { stop } of running) stop.abort();
  for (const { behavior } of running) behavior.fate = () => swift;
  for (let turn = 0; turn < 50; turn++) await pass(1_000);
  await Promise.all(running.map(({ ended }) => ended));
});

/** A lease as the chart creates it: it exists and was never held. */
function neverHeld(): void {
  store.put({ holderIdentity: '', leaseDurationSeconds: 0, acquireTime: '', renewTime: '', leaseTransitions: 0 });
}

describe('a candidate', () => {
  test('takes a lease that was never held at once', async () => {
    neverHeld();
    const a = candidate('a');
    await pass(10);
    expect(a.elector.leading).toBe(true);
    expect(store.lease).toMatchObject({ holderIdentity: 'a', leaseDurationSeconds: 15, leaseTransitions: 1 });
  });

  test('creates a missing lease vacant, and waits before it takes it: a leader may be out of reach', async () => {
    const a = candidate('a');
    await pass(14_000);
    expect(store.lease).toMatchObject({ holderIdentity: '' });
    expect(a.elector.leading).toBe(false);
    await pass(1_100);
    expect(a.elector.leading).toBe(true);
  });

  test('waits for a whole lease duration by its own clock, whatever the times in the lease say', async () => {
    store.put({
      holderIdentity: 'dead',
      leaseDurationSeconds: 20,
      acquireTime: microTime(0),
      renewTime: microTime(0),
      leaseTransitions: 7,
    });
    const a = candidate('a');
    await pass(19_900);
    expect(a.elector.leading).toBe(false);
    expect(a.elector.holder).toBe('dead');
    await pass(200);
    expect(a.elector.leading).toBe(true);
    expect(store.lease).toMatchObject({ holderIdentity: 'a', leaseTransitions: 8 });
  });

  test('assumes the usual duration for a holder that names none', async () => {
    store.put({
      holderIdentity: 'mute',
      leaseDurationSeconds: 0,
      acquireTime: '',
      renewTime: '',
      leaseTransitions: 0,
    });
    const a = candidate('a');
    await pass(14_900);
    expect(a.elector.leading).toBe(false);
    await pass(200);
    expect(a.elector.leading).toBe(true);
  });

  test('never takes over a leader that renews', async () => {
    neverHeld();
    const a = candidate('a');
    await pass(10);
    const b = candidate('b');
    await pass(300_000);
    expect([a.elector.leading, b.elector.leading]).toEqual([true, false]);
    expect(a.terms).toHaveLength(1);
    expect(b.elector.holder).toBe('a');
    expect(store.lease?.renewTime).toMatch(/^2026-01-02T03:09:0\d\.\d{3}000Z$/);
    expect(store.lease?.acquireTime).toBe(microTime(startMs + 2));
  });

  test('takes over within a lease and one retry of the death of a leader', async () => {
    neverHeld();
    const a = candidate('a');
    await pass(10);
    const b = candidate('b');
    await pass(60_000);
    a.behavior.fate = () => silent;
    const tookMs = await until(() => b.elector.leading);
    expect(tookMs).toBeLessThanOrEqual(15_000 + 1.2 * 2_000 + 100);
    expect(store.lease).toMatchObject({ holderIdentity: 'b', leaseTransitions: 2 });
  });

  test('that lost only the answer to its write leads as soon as it reads what it wrote', async () => {
    neverHeld();
    const fates: Fate[] = [swift, { ...swift, ending: 'error after' }];
    const a = candidate('a', { fate: () => fates.shift() ?? swift });
    await pass(10);
    expect(store.lease?.holderIdentity).toBe('a');
    expect(a.elector.leading).toBe(false);
    await pass(2_500);
    expect(a.elector.leading).toBe(true);
  });
});

describe('a leader', () => {
  async function leader(): Promise<Candidate> {
    neverHeld();
    const a = candidate('a');
    await pass(10);
    expect(a.elector.leading).toBe(true);
    return a;
  }

  test('without answers stops before another may start', async () => {
    const a = await leader();
    await pass(20_000);
    a.behavior.fate = () => silent;
    const heardMs = await until(() => !a.elector.leading);
    expect(heardMs).toBeLessThanOrEqual(10_000);
    await settled();
    expect(a.terms[0]!.signal.aborted).toBe(true);
  });

  test('continues when renewals fail and succeed again within the deadline', async () => {
    const a = await leader();
    await pass(20_000);
    a.behavior.fate = () => ({ ...swift, ending: 'error before' });
    await pass(5_000);
    a.behavior.fate = () => swift;
    await pass(60_000);
    expect(a.elector.leading).toBe(true);
    expect(a.terms).toHaveLength(1);
  });

  test('stops at once when it sees the name of another, and competes again', async () => {
    const a = await leader();
    store.put({ ...store.lease!, holderIdentity: 'b' });
    await pass(2_100);
    expect(a.elector.leading).toBe(false);
    await until(() => a.elector.leading);
    expect(a.terms).toHaveLength(2);
    expect(a.terms[0]!.holds()).toBe(false);
  });

  test('takes back a lease that was deleted, and continues', async () => {
    const a = await leader();
    const b = candidate('b');
    await pass(5_000);
    store.delete();
    await pass(60_000);
    expect([a.elector.leading, b.elector.leading]).toEqual([true, false]);
    expect(a.terms).toHaveLength(1);
    expect(store.lease?.holderIdentity).toBe('a');
  });

  test('continues when another client edits the lease', async () => {
    const a = await leader();
    for (let second = 0; second < 30; second++) {
      store.put(store.lease!);
      await pass(1_000);
    }
    expect(a.elector.leading).toBe(true);
    expect(a.terms).toHaveLength(1);
  });

  test('whose clock is set back by an hour still stops in time', async () => {
    neverHeld();
    let setBackMs = 0;
    const elector = new LeaderElector({
      leases: store.client(clock, () => (setBackMs > 0 ? silent : swift)),
      identity: 'a',
      clock: { now: () => clock.now() - setBackMs, sleep: (ms, signal) => clock.sleep(ms, signal) },
      monotonicMs: () => clock.now(),
      random: randomFrom(1),
      durations: leaseDurations(15),
      log: quietLog,
    });
    const stop = new AbortController();
    const ended = elector.run(stop.signal, ({ signal }) => aborted(signal).then(() => undefined));
    await pass(10);
    setBackMs = 3_600_000;
    expect(elector.leading).toBe(true);
    await pass(10_000);
    expect(elector.leading).toBe(false);
    stop.abort();
    await pass(30_000);
    await ended;
  });

  test('that wakes after its machine was suspended knows at once that its term is over', async () => {
    neverHeld();
    let suspendedMs = 0;
    const elector = new LeaderElector({
      leases: store.client(clock, () => swift),
      identity: 'a',
      clock: { now: () => clock.now() + suspendedMs, sleep: (ms, signal) => clock.sleep(ms, signal) },
      monotonicMs: () => clock.now(),
      random: randomFrom(1),
      durations: leaseDurations(15),
      log: quietLog,
    });
    const stop = new AbortController();
    const ended = elector.run(stop.signal, ({ signal }) => aborted(signal).then(() => undefined));
    await pass(10);
    expect(elector.leading).toBe(true);
    suspendedMs = 11_000;
    expect(elector.leading).toBe(false);
    stop.abort();
    await pass(100);
    await ended;
  });
});

describe('at the end', () => {
  test('the lease is released, and another takes it within two retries', async () => {
    neverHeld();
    const a = candidate('a');
    await pass(10);
    const b = candidate('b');
    await pass(10_000);
    a.stop.abort();
    await pass(10);
    await a.ended;
    expect(store.lease).toMatchObject({ holderIdentity: '', leaseDurationSeconds: 1, leaseTransitions: 1 });
    expect(await until(() => b.elector.leading)).toBeLessThanOrEqual(4_000);
  });

  test('the work of the term ends first, and the lease is renewed while it does', async () => {
    neverHeld();
    const a = candidate('a', { windDown: () => clock.sleep(20_000) });
    await pass(10);
    const b = candidate('b');
    await pass(10_000);
    a.stop.abort();
    await pass(19_000);
    expect(a.terms[0]!.signal.aborted).toBe(true);
    expect(a.terms[0]!.holds()).toBe(true);
    expect(b.elector.leading).toBe(false);
    await pass(1_100);
    await a.ended;
    expect(store.history.at(-1)?.holderIdentity).toBe('');
    await until(() => b.elector.leading);
  });

  test('a renewal that arrives late does not keep the lease', async () => {
    neverHeld();
    const a = candidate('a');
    await pass(10);
    a.behavior.fate = () => ({ thereMs: 500, backMs: 1, ending: 'answered' });
    await pass(2_100);
    a.behavior.fate = () => swift;
    a.stop.abort();
    await pass(5_000);
    await a.ended;
    expect(store.lease?.holderIdentity).toBe('');
  });

  test('a candidate that never led leaves the lease alone', async () => {
    neverHeld();
    candidate('a');
    await pass(10);
    const b = candidate('b');
    await pass(5_000);
    b.stop.abort();
    await pass(100);
    await b.ended;
    expect(store.lease?.holderIdentity).toBe('a');
  });

  test('an API server that does not answer cannot delay the end', async () => {
    neverHeld();
    const a = candidate('a');
    await pass(10);
    a.behavior.fate = () => silent;
    a.stop.abort();
    await pass(6_100);
    await a.ended;
    expect(a.elector.leading).toBe(false);
  });

  test('work that fails releases the lease, and its error is thrown', async () => {
    neverHeld();
    const elector = new LeaderElector({
      leases: store.client(clock, () => swift),
      identity: 'a',
      clock,
      monotonicMs: () => clock.now(),
      random: randomFrom(1),
      durations: leaseDurations(15),
      log: quietLog,
    });
    const ended = elector.run(new AbortController().signal, () => Promise.reject(new Error('broken')));
    const heard = expect(ended).rejects.toThrow('broken');
    await pass(100);
    await heard;
    expect(store.lease?.holderIdentity).toBe('');
  });
});

describe('the options', () => {
  const options = (): ConstructorParameters<typeof LeaderElector>[0] => ({
    leases: store.client(clock, () => swift),
    identity: 'a',
    clock,
    monotonicMs: () => clock.now(),
    random: randomFrom(1),
    durations: leaseDurations(15),
    log: quietLog,
  });

  test('have the durations of Kubernetes, or any in proportion', () => {
    expect(leaseDurations(15)).toEqual({ leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 });
    expect(leaseDurations(3)).toEqual({ leaseMs: 3_000, renewDeadlineMs: 2_000, retryMs: 400 });
  });

  test.each([
    { leaseMs: 10_000, renewDeadlineMs: 10_000, retryMs: 2_000 },
    { leaseMs: 15_000, renewDeadlineMs: 2_000, retryMs: 2_000 },
    { leaseMs: 15_000, renewDeadlineMs: 10_000, retryMs: 0 },
    { leaseMs: Number.NaN, renewDeadlineMs: 10_000, retryMs: 2_000 },
  ])('refuse %j', (durations) => {
    expect(() => new LeaderElector({ ...options(), durations })).toThrow('expected each to be clearly longer');
  });

  test('refuse an empty identity, which every vacant lease would have', () => {
    expect(() => new LeaderElector({ ...options(), identity: '' })).toThrow('lease identity');
  });

  test('write times as the API server accepts them', () => {
    expect(microTime(startMs)).toBe('2026-01-02T03:04:05.678000Z');
  });
});
