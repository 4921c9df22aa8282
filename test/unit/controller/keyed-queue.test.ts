/** The queue of keys: each key waits once, one worker at a time works on it, and failed work is retried after a growing wait. */
import { describe, expect, test } from '@jest/globals';

import { KeyedQueue } from '../../../src/controller/index.js';
import { FakeClock, settled } from '../../kit/clock.js';

/** A queue whose work ends when the test says so. */
function workshop(workers = 1, paceMs?: () => number) {
  const clock = new FakeClock();
  const begun: string[] = [];
  const failures: { key: string; retryMs: number }[] = [];
  const open = new Map<string, PromiseWithResolvers<number | null>>();
  const queue = new KeyedQueue({
    workers,
    clock,
    ...(paceMs === undefined ? {} : { paceMs }),
    failed: (key, _error, retryMs) => failures.push({ key, retryMs }),
    work: (key) => {
      if (open.has(key)) throw new Error(`${key} is worked on twice at a time`);
      begun.push(key);
      const work = Promise.withResolvers<number | null>();
      open.set(key, work);
      return work.promise;
    },
  });
  const finish = async (key: string, result: number | null | Error = null): Promise<void> => {
    const work = open.get(key)!;
    open.delete(key);
    if (result instanceof Error) work.reject(result);
    else work.resolve(result);
    await settled();
  };
  return { clock, begun, failures, open, queue, finish };
}

describe('a queue', () => {
  test('works on a key at once', () => {
    const { queue, begun } = workshop();
    queue.add('a');
    expect(begun).toEqual(['a']);
  });

  test('counts the waiting keys, and how long the oldest has waited', async () => {
    const { clock, queue, finish } = workshop();
    expect([queue.depth, queue.oldestMs]).toEqual([0, 0]);
    queue.add('a');
    queue.add('b');
    await clock.advance(1_000);
    queue.add('c');
    queue.add('b');
    await clock.advance(500);
    expect([queue.depth, queue.oldestMs]).toEqual([2, 1_500]);
    await finish('a');
    expect([queue.depth, queue.oldestMs]).toEqual([1, 500]);
    await finish('b');
    await finish('c');
    expect([queue.depth, queue.oldestMs]).toEqual([0, 0]);
  });

  test('works once more on a key that was added several times during its work', async () => {
    const { queue, begun, finish } = workshop();
    for (let time = 0; time < 5; time++) queue.add('a');
    await finish('a');
    await finish('a');
    expect(begun).toEqual(['a', 'a']);
  });

  test('never works on one key twice at a time, however many workers there are', async () => {
    const { queue, begun, finish } = workshop(3);
    queue.add('a');
    queue.add('b');
    queue.add('a');
    expect(begun).toEqual(['a', 'b']);
    await finish('b');
    expect(begun).toEqual(['a', 'b']);
    await finish('a');
    expect(begun).toEqual(['a', 'b', 'a']);
  });

  test('works on as many keys at a time as it has workers, in the order of their arrival', async () => {
    const { queue, begun, finish } = workshop(2);
    for (const key of ['a', 'b', 'c', 'd']) queue.add(key);
    expect(begun).toEqual(['a', 'b']);
    await finish('b');
    await finish('a');
    expect(begun).toEqual(['a', 'b', 'c', 'd']);
  });

  test('works again after the time that the work returned, and not after null', async () => {
    const { queue, begun, finish, clock } = workshop();
    queue.add('a');
    await finish('a', 1_000);
    await clock.advance(999);
    expect(begun).toEqual(['a']);
    await clock.advance(1);
    expect(begun).toEqual(['a', 'a']);
    await finish('a', null);
    expect(clock.waits).toEqual([]);
  });

  test('drops the wait when the key is added before', async () => {
    const { queue, begun, finish, clock } = workshop();
    queue.add('a');
    await finish('a', 1_000);
    queue.add('a');
    await finish('a', 5_000);
    expect(clock.waits).toEqual([5_000]);
    await clock.advance(4_999);
    expect(begun).toEqual(['a', 'a']);
  });

  test('needs no wait when the key was added during the work', async () => {
    const { queue, finish, clock, open } = workshop();
    queue.add('a');
    queue.add('a');
    await finish('a', 1_000);
    expect(open.has('a')).toBe(true);
    expect(clock.waits).toEqual([]);
  });
});

describe('work that fails', () => {
  test('is retried after a wait that doubles up to half a minute, and starts over after a success', async () => {
    const { queue, finish, clock, failures } = workshop();
    queue.add('a');
    for (let time = 0; time < 10; time++) {
      await finish('a', new Error('no'));
      await clock.advance(clock.waits[0]!);
    }
    const waits = [200, 400, 800, 1_600, 3_200, 6_400, 12_800, 25_600, 30_000, 30_000];
    expect(failures.map(({ retryMs }) => retryMs)).toEqual(waits);
    await finish('a', null);
    queue.add('a');
    await finish('a', new Error('no'));
    expect(failures.at(-1)).toEqual({ key: 'a', retryMs: 200 });
  });

  test('delays no other key', async () => {
    const { queue, begun, finish, clock } = workshop();
    queue.add('bad');
    queue.add('good');
    await finish('bad', new Error('no'));
    expect(begun).toEqual(['bad', 'good']);
    expect(clock.waits).toEqual([200]);
  });

  test('counts for its own key only', async () => {
    const { queue, finish, clock, failures } = workshop(2);
    queue.add('a');
    await finish('a', new Error('no'));
    await clock.advance(200);
    await finish('a', new Error('no'));
    queue.add('b');
    await finish('b', new Error('no'));
    expect(failures.map(({ key, retryMs }) => `${key} ${String(retryMs)}`)).toEqual(['a 200', 'a 400', 'b 200']);
  });
});

describe('a queue with a pace', () => {
  const paced = (workers = 1) => workshop(workers, () => 250);

  test('takes the first change at once and those that follow together', async () => {
    const { queue, begun, finish, clock } = paced();
    queue.add('a');
    await finish('a');
    for (let time = 0; time < 5; time++) {
      queue.add('a');
      await clock.advance(40);
    }
    expect([begun.length, clock.waits]).toEqual([1, [50]]);
    await clock.advance(50);
    expect(begun).toEqual(['a', 'a']);
  });

  test('counts from the start of the work, not from its end', async () => {
    const { queue, begun, finish, clock } = paced();
    queue.add('a');
    await clock.advance(200);
    queue.add('a');
    await finish('a');
    expect(begun).toEqual(['a']);
    await clock.advance(50);
    expect(begun).toEqual(['a', 'a']);
  });

  test('does not wait for work that took longer', async () => {
    const { queue, begun, finish, clock } = paced();
    queue.add('a');
    queue.add('a');
    await clock.advance(300);
    await finish('a');
    expect(begun).toEqual(['a', 'a']);
  });

  test('delays no other key', async () => {
    const { queue, begun, finish } = paced();
    queue.add('a');
    await finish('a');
    queue.add('a');
    queue.add('b');
    expect(begun).toEqual(['a', 'b']);
  });

  test('keeps the pace when the work wants to run sooner', async () => {
    const { queue, begun, finish, clock } = paced();
    queue.add('a');
    await finish('a', 100);
    await clock.advance(249);
    expect(begun).toEqual(['a']);
    await clock.advance(1);
    expect(begun).toEqual(['a', 'a']);
  });

  test('works on a change before a later time that was asked for, and then drops that time', async () => {
    const { queue, begun, finish, clock } = paced();
    queue.add('a');
    await finish('a', 10_000);
    queue.add('a');
    await clock.advance(250);
    expect(begun).toEqual(['a', 'a']);
    await finish('a', null);
    await clock.advance(60_000);
    expect(begun).toEqual(['a', 'a']);
  });

  test('reads its pace at each start, so that it may change', async () => {
    let paceMs = 250;
    const { queue, begun, finish, clock } = workshop(1, () => paceMs);
    queue.add('a');
    paceMs = 1_000;
    await finish('a');
    queue.add('a');
    await clock.advance(250);
    await finish('a');
    queue.add('a');
    await clock.advance(999);
    expect(begun).toEqual(['a', 'a']);
    await clock.advance(1);
    expect(begun).toEqual(['a', 'a', 'a']);
  });

  test('retries failed work after its wait, and no faster than the pace', async () => {
    const { queue, begun, finish, clock, failures } = paced();
    queue.add('a');
    await finish('a', new Error('no'));
    expect(failures).toEqual([{ key: 'a', retryMs: 200 }]);
    await clock.advance(200);
    expect(begun).toEqual(['a']);
    await clock.advance(50);
    expect(begun).toEqual(['a', 'a']);
  });
});

describe('the depth of a queue', () => {
  test('is the number of keys that wait for a worker', async () => {
    const { queue, finish, clock } = workshop(1);
    expect(queue.depth).toBe(0);
    for (const key of ['a', 'b', 'c', 'b']) queue.add(key);
    expect(queue.depth).toBe(2);
    queue.add('a');
    expect(queue.depth).toBe(3);
    await finish('a');
    await finish('b', 1_000);
    await finish('c');
    await finish('a');
    expect(queue.depth).toBe(0);
    // A key that waits for a time waits for no worker.
    expect(clock.waits).toEqual([1_000]);
    await queue.stop();
    expect(queue.depth).toBe(0);
  });
});

describe('a key that is forgotten', () => {
  test('has no failures and no pace', async () => {
    const { queue, begun, finish, failures } = workshop(1, () => 250);
    queue.add('a');
    await finish('a', new Error('no'));
    queue.forget('a');
    queue.add('a');
    expect(begun).toEqual(['a', 'a']);
    await finish('a', new Error('no'));
    expect(failures.map(({ retryMs }) => retryMs)).toEqual([200, 200]);
  });

  test('gets no further work, whether it waited for a worker, for a time or for its own work', async () => {
    const { queue, begun, finish, clock } = workshop(1);
    queue.add('later');
    await finish('later', 1_000);
    queue.add('busy');
    queue.add('busy');
    queue.add('next');
    for (const key of ['later', 'busy', 'next']) queue.forget(key);
    expect([queue.depth, clock.waits]).toEqual([0, []]);
    await finish('busy', null);
    await clock.advance(60_000);
    expect(begun).toEqual(['later', 'busy']);
  });

  test('during its last work leaves nothing behind', async () => {
    const { queue, begun, finish, clock } = workshop(1, () => 250);
    queue.add('a');
    queue.add('a');
    queue.forget('a');
    await finish('a', null);
    queue.add('a');
    expect(begun).toEqual(['a', 'a']);
    expect(clock.waits).toEqual([]);
  });
});

describe('a queue that is stopped', () => {
  test('waits for the running work and starts no other', async () => {
    const { queue, begun, finish, open } = workshop(2);
    for (const key of ['a', 'b', 'c']) queue.add(key);
    let stopped = false;
    const stopping = queue.stop().then(() => (stopped = true));
    await finish('a', 1_000);
    expect(stopped).toBe(false);
    await finish('b', new Error('no'));
    await stopping;
    queue.add('d');
    await settled();
    expect(begun).toEqual(['a', 'b']);
    expect(open.size).toBe(0);
  });

  test('leaves no timer behind', async () => {
    const { queue, finish, clock, begun } = workshop();
    queue.add('a');
    await finish('a', 60_000);
    await queue.stop();
    expect(clock.waits).toEqual([]);
    await clock.advance(120_000);
    expect(begun).toEqual(['a']);
  });

  test('is stopped at once when it is idle, also twice', async () => {
    const { queue } = workshop();
    await queue.stop();
    await expect(queue.stop()).resolves.toBeUndefined();
  });
});
