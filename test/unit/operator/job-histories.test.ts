/** What an operator records of its jobs: across restarts, lost histories, rivals and servers that do not answer. */
import { beforeEach, describe, expect, test } from '@jest/globals';

import { events } from '../../../src/api/index.js';
import {
  continued,
  type History,
  type HistoryLine,
  historyText,
  linesOf,
  newHistory,
  readHistory,
} from '../../../src/history/index.js';
import { type HistoryStore, JobHistories } from '../../../src/operator/job-histories.js';
import { StreamError } from '../../../src/stream/index.js';
import { FakeClock } from '../../kit/clock.js';
import { sampleLine } from '../../kit/report.js';
import { clusterJob, labeling, noonMs, type SnapshotMaker, training } from '../../kit/snapshots.js';

const key = { namespace: 'default', name: 'mnist', uid: 'u-1' };

/** One value with a revision, as NATS keeps it. */
class OneValue implements HistoryStore {
  text = '';
  revision = 0;
  writes = 0;
  /** Runs between a read and the write that follows. */
  meanwhile: () => void = () => undefined;
  refuse: Error | null = null;

  readHistory(): Promise<{ text: string; revision: number }> {
    if (this.refuse !== null) return Promise.reject(this.refuse);
    return Promise.resolve({ text: this.text, revision: this.revision });
  }

  writeHistory(_: unknown, text: string, revision: number): Promise<'stored' | 'moved'> {
    const { meanwhile } = this;
    this.meanwhile = () => undefined;
    meanwhile();
    if (revision !== this.revision) return Promise.resolve('moved');
    this.set(text);
    return Promise.resolve('stored');
  }

  set(text: string): void {
    this.text = text;
    this.revision += 1;
    this.writes += 1;
  }

  get history(): History {
    const history = readHistory(this.text, 'u-1');
    if (history === null) throw new Error('no history');
    return history;
  }

  get lines(): readonly HistoryLine[] {
    return this.history.lines;
  }
}

let clock: FakeClock;
let store: OneValue;
let failures: string[];
beforeEach(() => {
  clock = new FakeClock(noonMs);
  store = new OneValue();
  failures = [];
});

function operator(): { readonly histories: JobHistories; readonly stop: () => void } {
  const histories = new JobHistories({ store, clock, failed: (_, error) => failures.push(String(error)) });
  const stopped = new AbortController();
  void histories.run(stopped.signal);
  return { histories, stop: () => stopped.abort() };
}

const running = (step: number): SnapshotMaker =>
  clusterJob()
    .at(clock.now())
    .status({ phase: 'Running', attempts: 1 })
    .reported(training({ step, updatedAtMs: clock.now() }))
    .teachers(...['cpu-0', 'cpu-1'].map((pod) => labeling(pod, { updatedAtMs: clock.now() })));

/** Without events, which a job of the makers has again each time. */
function decide(histories: JobHistories, maker: SnapshotMaker): void {
  histories.decided(key, maker.snapshot, { ...maker.plan, events: [] });
}

/** One decision a second. */
async function train(histories: JobHistories, from: number, to: number): Promise<void> {
  for (let step = from; step <= to; step += 1) {
    decide(histories, running(step));
    await clock.advance(1_000);
  }
}

const steps = (): readonly number[] => linesOf(store.lines, 'sample').map(({ step }) => step);

describe('the history of a job', () => {
  test('has the phase, the teachers with their reason, runtimes, samples and events', async () => {
    const { histories } = operator();
    const lost = { ...running(1).plan, events: [events.teacherLost('cpu', 1)] };
    histories.decided(key, running(1).snapshot, lost);
    await clock.advance(11_000);
    expect(store.lines.map(({ kind }) => kind).sort()).toEqual([
      'event',
      'phase',
      'runtime',
      'runtime',
      'sample',
      'teachers',
    ]);
    expect(linesOf(store.lines, 'teachers')[0]).toMatchObject({ pool: 'cpu', ready: 2 });
    expect(linesOf(store.lines, 'sample')[0]).toMatchObject({ step: 1, teacherSamplesPerSecond: 1_000 });
    expect(store.history.head.job).toEqual({ name: 'mnist', uid: 'u-1' });
  });

  test('is stored every ten seconds, and at once when the job rests, with its last sample', async () => {
    const { histories } = operator();
    await train(histories, 1, 25);
    expect(store.writes).toBe(2);
    const over = running(26).status({ phase: 'Running', attempts: 1 });
    const plan = { ...over.plan, events: [], status: { ...over.plan.status, phase: 'Succeeded' as const } };
    histories.decided(key, over.snapshot, plan);
    await clock.advance(1_000);
    expect(steps()).toEqual(Array.from({ length: 26 }, (_, index) => index + 1));
    // Telemetry of a student that is gone is no sample.
    for (let times = 0; times < 30; times += 1) {
      histories.decided(key, running(26).snapshot, plan);
      await clock.advance(1_000);
    }
    expect(steps()).toHaveLength(26);
  });

  test('has the last sample of a job however soon it follows the one before it', async () => {
    const { histories } = operator();
    await train(histories, 1, 2);
    decide(histories, running(3));
    await clock.advance(4);
    const over = running(4).status({ phase: 'Running', attempts: 1 });
    const plan = { ...over.plan, events: [], status: { ...over.plan.status, phase: 'Succeeded' as const } };
    histories.decided(key, over.snapshot, plan);
    await clock.advance(1_000);
    expect(steps()).toEqual([1, 2, 3, 4]);
    // Another operator that finds the same telemetry adds nothing.
    const next = operator();
    await clock.advance(4);
    next.histories.decided(key, running(4).snapshot, plan);
    await clock.advance(11_000);
    expect(steps()).toEqual([1, 2, 3, 4]);
  });

  test('is continued by the next operator without repetitions', async () => {
    const first = operator();
    await train(first.histories, 1, 5);
    first.stop();
    await first.histories.flush(1_000);
    const next = operator();
    await train(next.histories, 6, 17);
    expect(steps().slice(0, 10)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
    for (const kind of ['phase', 'teachers'] as const) expect(linesOf(store.lines, kind)).toHaveLength(1);
    expect(linesOf(store.lines, 'runtime')).toHaveLength(2);
  });

  test('loses nothing of another operator that writes at the same time', async () => {
    const [one, other] = [operator(), operator()];
    decide(one.histories, running(1));
    await clock.advance(2_000);
    decide(other.histories, running(3));
    await clock.advance(2_000);
    decide(one.histories, running(5));
    // It read before the other one wrote.
    store.meanwhile = () => store.set(historyText(continued(newHistory(key), [sampleLine(noonMs + 2_000, 3)])));
    await one.histories.flush(1_000);
    expect(steps()).toEqual([1, 3, 5]);
    await other.histories.flush(1_000);
    expect(steps()).toEqual([1, 3, 5]);
    expect(linesOf(store.lines, 'phase')).toHaveLength(1);
  });

  test('is stored once when the answer to a write was lost', async () => {
    const { histories } = operator();
    decide(histories, running(1));
    const write = store.writeHistory.bind(store);
    store.writeHistory = async (job, text, revision) => {
      await write(job, text, revision);
      store.writeHistory = write;
      throw new StreamError('unreachable', { about: '', problem: 'no answer', remedy: '' });
    };
    await clock.advance(60_000);
    expect(store.writes).toBe(2);
    expect(store.lines).toHaveLength(5);
    expect(new Set(store.lines.map((line) => JSON.stringify(line))).size).toBe(5);
  });

  test('begins again with what is known when NATS has lost it, and when it is damaged', async () => {
    const { histories } = operator();
    await train(histories, 1, 12);
    for (const text of ['', '{"kind":"head"']) {
      store.set(text);
      await train(histories, 13, 40);
      expect(linesOf(store.lines, 'teachers')).toHaveLength(1);
      expect(linesOf(store.lines, 'phase')).toHaveLength(1);
    }
  });

  test('waits for a server that does not answer, says so once, and stays small meanwhile', async () => {
    const { histories } = operator();
    store.refuse = new StreamError('unreachable', { about: '', problem: 'no answer', remedy: '' });
    await train(histories, 1, 400);
    expect(failures).toHaveLength(1);
    store.refuse = null;
    await clock.advance(700_000);
    expect(steps().length).toBeGreaterThan(30);
    expect(steps().length).toBeLessThanOrEqual(128);
    expect([steps()[0], steps().at(-1)]).toEqual([1, 400]);
  });

  test.each(['missing', 'notLeading'] as const)('is let go without a word when the store says %s', async (reason) => {
    const { histories } = operator();
    store.refuse = new StreamError(reason, { about: '', problem: '', remedy: '' });
    await train(histories, 1, 30);
    store.refuse = null;
    await clock.advance(60_000);
    expect([failures, store.writes]).toEqual([[], 0]);
  });

  test('of a job that is being deleted is not written any more', async () => {
    const { histories } = operator();
    decide(histories, running(1));
    decide(
      histories,
      running(2).job((job) => job.deleted()),
    );
    await clock.advance(60_000);
    expect(store.writes).toBe(0);
  });

  test('stays below the largest value of the bucket, whatever workers report', async () => {
    const { histories } = operator();
    const names = Array.from({ length: 16 }, (_, index) => `${'m'.repeat(30)}${String(index)}`);
    for (let step = 1; step <= 700; step += 1) {
      const metrics = Object.fromEntries(names.map((name) => [name, Math.random()]));
      decide(
        histories,
        running(step).reported(training({ step, metrics, runtime: `r${String(step)}`, updatedAtMs: clock.now() })),
      );
      await clock.advance(1_000);
    }
    expect(Buffer.byteLength(store.text)).toBeLessThan(512 * 1024);
    expect(steps().length).toBeGreaterThan(100);
    expect(linesOf(store.lines, 'runtime').length).toBeLessThanOrEqual(32);
  });
});
