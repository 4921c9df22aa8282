/** The queue of jobs: what wakes which job, what a standby remembers, and when a job is forgotten. */
import { describe, expect, test } from '@jest/globals';

import { JobQueue } from '../../../src/controller/index.js';
import { FakeClock, settled } from '../../kit/clock.js';

const keyOf = (uid: string, namespace = 'default') => ({ namespace, name: uid, uid });
const [a, b, c] = [keyOf('a', 'red'), keyOf('b', 'red'), keyOf('c', 'blue')];

function world(jobs: readonly ReturnType<typeof keyOf>[] = [a, b, c], paceMs?: (jobs: number) => number) {
  const clock = new FakeClock();
  const queue = new JobQueue({ clock, workers: 8, ...(paceMs === undefined ? {} : { paceMs }) });
  const reconciled: string[] = [];
  const forgotten: string[] = [];
  const gone = new Set<string>();
  let slots = 0;
  queue.onForget(({ uid }) => void forgotten.push(uid));
  for (const key of jobs) queue.wake.job(key);
  const start = async (): Promise<void> => {
    queue.start({
      reconcile: ({ uid }) => {
        reconciled.push(uid);
        return Promise.resolve(gone.has(uid) ? 'Gone' : null);
      },
      failed: () => undefined,
      slotsChanged: () => void (slots += 1),
    });
    await settled();
  };
  /** The jobs that are reconciled because of what `wake` says. */
  const wokenBy = async (wake: () => void): Promise<string[]> => {
    reconciled.length = 0;
    wake();
    await settled();
    return [...reconciled];
  };
  return { clock, queue, wake: queue.wake, reconciled, forgotten, gone, start, wokenBy, slots: () => slots };
}

describe('a job queue', () => {
  test('starts with every job that it knows', async () => {
    const { start, reconciled, queue } = world();
    expect([reconciled, queue.jobs, queue.depth]).toEqual([[], 3, 0]);
    await start();
    expect(reconciled).toEqual(['a', 'b', 'c']);
  });

  test('wakes the jobs that a change concerns', async () => {
    const { start, wokenBy, wake } = world();
    await start();
    expect(await wokenBy(() => wake.job(a))).toEqual(['a']);
    expect(await wokenBy(() => wake.part('b'))).toEqual(['b']);
    expect(await wokenBy(() => wake.namespace('red'))).toEqual(['a', 'b']);
    expect(await wokenBy(() => wake.all())).toEqual(['a', 'b', 'c']);
    expect(await wokenBy(() => wake.part('unknown'))).toEqual([]);
    expect(await wokenBy(() => wake.job(keyOf('new')))).toEqual(['new']);
  });

  test('passes changed slots on while it runs', async () => {
    const { start, wake, slots, queue } = world();
    wake.slots();
    expect(slots()).toBe(0);
    await start();
    wake.slots();
    expect(slots()).toBe(1);
    await queue.stop();
    wake.slots();
    expect(slots()).toBe(1);
  });

  test('knows which namespaces have jobs', () => {
    const { queue } = world();
    expect(['red', 'blue', 'green'].map((namespace) => queue.hasJobs(namespace))).toEqual([true, true, false]);
  });

  test('reconciles what is left of a job whose object is gone, and forgets it after its last part', async () => {
    const { start, wokenBy, wake, gone, forgotten, queue } = world();
    await start();
    expect(await wokenBy(() => wake.jobGone(a))).toEqual(['a']);
    expect(forgotten).toEqual([]);
    gone.add('a');
    await wokenBy(() => wake.part('a'));
    expect([forgotten, queue.jobs]).toEqual([['a'], 2]);
    expect(await wokenBy(() => wake.part('a'))).toEqual([]);
  });

  test('reconciles nothing after it is stopped, and can be started again', async () => {
    const { start, wokenBy, wake, queue, reconciled } = world();
    await start();
    await expect(start()).rejects.toThrow('the job queue runs already');
    await queue.stop();
    expect(await wokenBy(() => wake.all())).toEqual([]);
    await start();
    expect(reconciled).toEqual(['a', 'b', 'c']);
  });

  test('paces each job by the number of jobs', async () => {
    const { start, wokenBy, wake, clock, reconciled } = world([a, b], (jobs) => jobs * 100);
    await start();
    expect(await wokenBy(() => wake.part('a'))).toEqual([]);
    await clock.advance(199);
    expect(reconciled).toEqual([]);
    await clock.advance(1);
    expect(reconciled).toEqual(['a']);
  });
});
