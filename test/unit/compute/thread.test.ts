import { DistilleryError } from '@distillery/base';
import { afterEach, describe, expect, test } from '@jest/globals';

import { ComputeError, type ComputeThread, startCompute } from '../../../workers/compute/thread.js';

/** What fixtures/worker.js serves. */
interface Served {
  echo: (input: unknown) => unknown;
  doubled: (values: Float32Array) => Float32Array;
  slow: (input: { label: string; ms: number }) => Promise<void>;
  order: (input: undefined) => string[];
  block: (ms: number) => void;
  isView: (array: Float32Array | Uint8Array) => boolean;
  fail: (row: number) => void;
  refuse: (found: number) => void;
  failOddly: (input: undefined) => void;
  uncloneable: (input: undefined) => unknown;
  exit: (code: number) => void;
  crash: (input: undefined) => Promise<void>;
  missing: (input: undefined) => void;
}

const started: ComputeThread<Served>[] = [];
function start(ending: 'interrupt' | 'afterCall' = 'interrupt', limitSeconds = 300): ComputeThread<Served> {
  const thread = startCompute<Served>(new URL('./fixtures/worker.js', import.meta.url), {
    name: 'test',
    ending,
    limitSeconds,
  });
  started.push(thread);
  return thread;
}
afterEach(async () => {
  await Promise.all(started.splice(0).map((thread) => thread.close()));
});

const rejectionOf = async (work: Promise<unknown>): Promise<ComputeError> => {
  const error = await work.then(
    () => null,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(ComputeError);
  return error as ComputeError;
};

describe('a compute thread', () => {
  test('answers with what its handler returns, nested data included', async () => {
    const thread = start();
    const input = { name: 'é', list: [1, { deep: null }], big: [true, undefined] };
    expect((await thread.call('echo', input)).value).toEqual(input);
  });

  test('takes whole arrays away from the caller and gives its own back', async () => {
    const thread = start();
    const values = Float32Array.of(1, 2, 3);
    const { value } = await thread.call('doubled', values);
    expect(values.length).toBe(0);
    expect([...value]).toEqual([2, 4, 6]);
  });

  test('copies a view, and only the part that the view shows', async () => {
    const thread = start();
    const larger = Float32Array.from({ length: 1_000 }, (_, at) => at);
    const { value } = await thread.call('doubled', larger.subarray(10, 12));
    expect([...value]).toEqual([20, 22]);
    expect(larger.length).toBe(1_000);
    expect((await thread.call('isView', larger.subarray(10, 12))).value).toBe(false);
    expect((await thread.call('isView', Buffer.from('in the pool'))).value).toBe(false);
  });

  test('accepts the same array twice, shared memory and empty arrays', async () => {
    const thread = start();
    const twice = Float32Array.of(7);
    const echoed = (await thread.call('echo', [twice, twice, new Float32Array(0)])).value as Float32Array[];
    expect(echoed.map((array) => [...array])).toEqual([[7], [7], []]);
    const shared = new Int32Array(new SharedArrayBuffer(4));
    await thread.call('echo', shared);
    expect(shared.length).toBe(1);
  });

  test('serves its calls one at a time in the order made', async () => {
    const thread = start();
    await Promise.all([
      thread.call('slow', { label: 'a', ms: 30 }),
      thread.call('slow', { label: 'b', ms: 1 }),
      thread.call('slow', { label: 'c', ms: 10 }),
    ]);
    expect((await thread.call('order', undefined)).value).toEqual(['a in', 'a out', 'b in', 'b out', 'c in', 'c out']);
  });

  test('leaves the main thread free while it computes', async () => {
    const thread = start();
    await thread.call('echo', null);
    let ticks = 0;
    const timer = setInterval(() => ticks++, 5);
    await thread.call('block', 300);
    clearInterval(timer);
    expect(ticks).toBeGreaterThan(10);
  });

  test('accounts for its own time: what a call took, and what was waited before it', async () => {
    const thread = start();
    await thread.call('block', 20);
    await thread.call('slow', { label: 'pause', ms: 1 });
    const [first, second] = await Promise.all([thread.call('block', 300), thread.call('block', 40)]);
    expect(first.busyMs).toBeGreaterThanOrEqual(300);
    expect(second.busyMs).toBeGreaterThanOrEqual(40);
    // The second call was already there: nothing was waited for.
    expect(second.idleMs).toBeLessThan(300);
    const pause = 80;
    await new Promise((resolve) => setTimeout(resolve, pause));
    const third = await thread.call('block', 1);
    expect(third.idleMs).toBeGreaterThanOrEqual(pause - 5);
  });

  test('reports an error of a library by name and sentence, and works on', async () => {
    const thread = start();
    const error = await rejectionOf(thread.call('fail', 7));
    expect(error.message).toBe('test thread: FieldError: row 7 is wrong');
    expect(error.end).toEqual({ kind: 'failed', errorName: 'FieldError' });
    expect((await rejectionOf(thread.call('failOddly', undefined))).message).toBe('test thread: Error: a text');
    expect((await rejectionOf(thread.call('missing', undefined))).message).toContain('no method missing');
    expect((await thread.call('echo', 1)).value).toBe(1);
  });

  test("gives an error of ours back with its kind, retry, fault, fields and the thread's stack", async () => {
    const error: unknown = await start()
      .call('refuse', 9)
      .catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(DistilleryError);
    expect(error).toMatchObject({
      name: 'RowError',
      kind: 'Row',
      retry: 'Never',
      row: 9,
      fault: { about: 'row 9', found: 'a gap', expected: 'a number', remedy: 'fill it' },
      message: 'row 9: found a gap, expected a number. Fill it.',
    });
    expect(error).not.toHaveProperty('tags');
    expect((error as DistilleryError).stack).toContain('fixtures/worker.js');
  });
});

describe('a compute thread that ends', () => {
  test.each<['exit' | 'crash', string]>([
    ['exit', 'test thread: ended with code 3'],
    ['crash', 'test thread: ended with code 1: out of the blue'],
  ])('by %s rejects every pending and every later call', async (way, message) => {
    const thread = start();
    await thread.call('echo', 0);
    const ending = way === 'exit' ? thread.call('exit', 3) : thread.call('crash', undefined);
    const rejections = [ending, thread.call('echo', 1), thread.call('echo', 2)].map(rejectionOf);
    for (const error of await Promise.all(rejections)) expect(error.message).toBe(message);
    expect((await thread.ended).end.kind).toBe('died');
    expect((await rejectionOf(thread.call('echo', 3))).message).toBe(message);
  });

  test('because it was closed says so, even in the middle of a call that blocks', async () => {
    const thread = start();
    await thread.call('echo', 0);
    const pending = rejectionOf(thread.call('block', 60_000));
    await thread.close();
    expect((await pending).end).toEqual({ kind: 'closed' });
    expect((await rejectionOf(thread.call('echo', 1))).end).toEqual({ kind: 'closed' });
    await thread.close();
  });

  test('because it was closed answers the call in work and begins no other, where it must not be interrupted', async () => {
    const thread = start('afterCall');
    await thread.call('echo', 0);
    const [first, second] = [thread.call('block', 150), rejectionOf(thread.call('block', 60_000))];
    // Long enough for the first call to be in work, far too short for it to end.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await thread.close();
    expect((await first).busyMs).toBeGreaterThanOrEqual(150);
    expect((await second).end).toEqual({ kind: 'closed' });
  });

  test('because it died in a call can still be closed', async () => {
    const thread = start('afterCall');
    expect((await rejectionOf(thread.call('exit', 2))).end).toEqual({ kind: 'died', exitCode: 2 });
    await thread.close();
  });

  test('because a call took too long says so to this call and all others, and is gone', async () => {
    const thread = start('interrupt', 2);
    await thread.call('echo', 0);
    const calls = [thread.call('block', 600_000), thread.call('echo', 1)].map(rejectionOf);
    for (const error of await Promise.all(calls)) {
      expect(error.message).toBe('test thread: a call did not end within 2 s (block)');
      expect(error.end).toEqual({ kind: 'stuck', method: 'block', limitSeconds: 2 });
    }
    expect((await thread.ended).end.kind).toBe('stuck');
    expect((await rejectionOf(thread.call('echo', 2))).end.kind).toBe('stuck');
    await thread.close();
  });

  test('because a call took too long also when it must not be interrupted: it is abandoned', async () => {
    const thread = start('afterCall', 2);
    await thread.call('echo', 0);
    const pending = rejectionOf(thread.call('block', 6_000));
    expect((await pending).end).toMatchObject({ kind: 'stuck', method: 'block' });
    expect((await thread.ended).end.kind).toBe('stuck');
    await thread.close();
    expect((await rejectionOf(thread.call('echo', 2))).end.kind).toBe('stuck');
  });

  test('is not one whose calls only waited for each other, or that had nothing to do', async () => {
    const thread = start('interrupt', 2);
    await thread.call('echo', 0);
    await Promise.all(Array.from({ length: 6 }, () => thread.call('block', 500)));
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    expect((await thread.call('echo', 1)).value).toBe(1);
  });

  test('because its module is not there rejects the first call', async () => {
    const thread = startCompute<Served>(new URL('./fixtures/nowhere.js', import.meta.url), {
      name: 'test',
      ending: 'interrupt',
      limitSeconds: 300,
    });
    expect((await rejectionOf(thread.call('echo', 1))).message).toMatch(/^test thread: ended with code 1: .*nowhere/);
  });
});
