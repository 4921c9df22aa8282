/** The pure parts of the Kubernetes adapter: paths, budget, backoff, the reader of a watch, the store. */
import { randomFrom } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { Backoff } from '../../../../src/cluster/kubernetes/backoff.js';
import { Budget, kinds } from '../../../../src/cluster/kubernetes/index.js';
import { apiVersionOf, collectionPath, kindOf, objectPath } from '../../../../src/cluster/kubernetes/kinds.js';
import { ObjectStore } from '../../../../src/cluster/kubernetes/store.js';
import { linesOf, watchEvent } from '../../../../src/cluster/kubernetes/watch.js';
import { FakeClock, settled } from '../../../kit/clock.js';

describe('kinds', () => {
  test.each([
    ['pods of a namespace', collectionPath(kinds.pods, 'ns'), '/api/v1/namespaces/ns/pods'],
    ['pods of all namespaces', collectionPath(kinds.pods, ''), '/api/v1/pods'],
    ['nodes, which have no namespace', collectionPath(kinds.nodes, 'ns'), '/api/v1/nodes'],
    ['jobs', collectionPath(kinds.jobs, 'ns'), '/apis/batch/v1/namespaces/ns/jobs'],
    [
      'the status of our own kind',
      objectPath(kinds.distillJobs, 'ns', 'mnist', 'status'),
      '/apis/distillery.dev/v1alpha1/namespaces/ns/distilljobs/mnist/status',
    ],
    ['a name that is none', objectPath(kinds.pods, 'ns', 'a/../b'), '/api/v1/namespaces/ns/pods/a%2F..%2Fb'],
  ])('the path of %s', (_, path, want) => {
    expect(path).toBe(want);
  });

  test.each(Object.entries(kinds))('%s are found by what their objects say', (_, kind) => {
    expect(kindOf({ apiVersion: apiVersionOf(kind), kind: kind.kind })).toBe(kind);
  });

  test('what the operator does not write, and what has no name, are mistakes of ours', () => {
    expect(() => kindOf({ apiVersion: 'v1', kind: 'Job' })).toThrow(/found v1 Job, expected one of/);
    expect(() => objectPath(kinds.pods, '', 'a')).toThrow(/found namespace "" and name "a"/);
    expect(() => objectPath(kinds.nodes, '', '')).toThrow(RangeError);
  });
});

describe('a budget of requests', () => {
  function bucket(qps: number, burst: number) {
    const clock = new FakeClock(1_000_000);
    const budget = new Budget({ qps, burst, clock });
    const taken: string[] = [];
    const take = (who: string, signal?: AbortSignal): void => {
      void budget.take(signal).then(() => taken.push(who));
    };
    return { clock, budget, taken, take };
  }

  test('lets a burst through at once, and then one after the other in the order in which they came', async () => {
    const { clock, taken, take } = bucket(10, 2);
    for (const who of ['a', 'b', 'c', 'd']) take(who);
    await settled();
    expect(taken).toEqual(['a', 'b']);
    await clock.advance(99);
    expect(taken).toEqual(['a', 'b']);
    await clock.advance(1);
    expect(taken).toEqual(['a', 'b', 'c']);
    await clock.advance(100);
    expect(taken).toEqual(['a', 'b', 'c', 'd']);
  });

  test('never gives more in a second than qps, burst aside, however it is asked', async () => {
    const { clock, budget } = bucket(20, 5);
    let taken = 0;
    const loop = async (): Promise<void> => {
      for (;;) {
        await budget.take();
        taken += 1;
      }
    };
    for (let worker = 0; worker < 7; worker++) void loop();
    await settled();
    await clock.advance(10_000);
    expect(taken).toBeGreaterThanOrEqual(5 + 199);
    expect(taken).toBeLessThanOrEqual(5 + 200);
  });

  test('fills up to the burst in a quiet time and no further', async () => {
    const { clock, taken, take } = bucket(10, 2);
    await clock.advance(3_600_000);
    for (const who of ['a', 'b', 'c']) take(who);
    await settled();
    expect(taken).toEqual(['a', 'b']);
  });

  test('says how long it made wait', async () => {
    const { clock, budget } = bucket(4, 1);
    expect(await budget.take()).toBe(0);
    const waited = budget.take();
    await clock.advance(250);
    expect(await waited).toBe(250);
  });

  test('gives the place of who gives up to the next', async () => {
    const { clock, taken, take } = bucket(10, 1);
    const leaving = new AbortController();
    take('a');
    take('b', leaving.signal);
    await settled();
    leaving.abort();
    await settled();
    expect(taken).toEqual(['a', 'b']);
    take('c');
    await clock.advance(100);
    expect(taken).toEqual(['a', 'b', 'c']);
  });

  test('gives nothing and takes nothing when the clock of the machine is set back', async () => {
    let nowMs = 1_000_000;
    const clock = { now: () => nowMs, sleep: async () => Promise.resolve() };
    const budget = new Budget({ qps: 10, burst: 1, clock });
    expect(await budget.take()).toBe(0);
    nowMs -= 3_600_000;
    expect(await budget.take()).toBe(100);
  });

  test.each([
    [0, 5],
    [Number.NaN, 5],
    [10, 0],
  ])('is refused with qps %p and burst %p', (qps, burst) => {
    expect(() => new Budget({ qps, burst, clock: new FakeClock() })).toThrow(/expected qps above 0 and burst from 1/);
  });
});

describe('a backoff', () => {
  const backoff = (): Backoff =>
    new Backoff({ firstMs: 100, longestMs: 1_000, healthyMs: 5_000, random: randomFrom(1) });

  test('doubles up to its limit, each wait spread over its upper half', () => {
    const waits = backoff();
    let nowMs = 1_000;
    for (const step of [100, 200, 400, 800, 1_000, 1_000, 1_000]) {
      const waitMs = waits.next(nowMs);
      expect(waitMs).toBeGreaterThanOrEqual(step / 2);
      expect(waitMs).toBeLessThanOrEqual(step);
      nowMs += waitMs + 10;
    }
  });

  test('starts over after a time without trouble, counted from the end of the last wait', () => {
    const waits = backoff();
    let nowMs = 1_000;
    for (let time = 0; time < 5; time++) nowMs += waits.next(nowMs);
    expect(waits.next(nowMs + 4_999)).toBeGreaterThanOrEqual(500);
    nowMs += 4_999 + 1_000;
    expect(waits.next(nowMs + 5_000)).toBeLessThanOrEqual(100);
  });
});

describe('lines of a watch', () => {
  const doing = 'watch pods';
  async function read(chunks: readonly (string | Uint8Array)[], longest = 1_000): Promise<string[]> {
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      for (const chunk of chunks) yield await Promise.resolve(Buffer.from(chunk));
    };
    const lines: string[] = [];
    for await (const line of linesOf(bytes(), longest, doing)) lines.push(line);
    return lines;
  }

  test.each<[string, readonly string[], readonly string[]]>([
    ['one a chunk', ['{"a":1}\n', '{"b":2}\n'], ['{"a":1}', '{"b":2}']],
    ['several a chunk', ['{"a":1}\n{"b":2}\n{"c":3}\n'], ['{"a":1}', '{"b":2}', '{"c":3}']],
    ['one over many chunks', ['{"', 'a', '":1', '}', '\n'], ['{"a":1}']],
    ['ends as others write them, and empty ones', ['{"a":1}\r\n', '\n', '  \n{"b":2}\n'], ['{"a":1}\r', '{"b":2}']],
    ['nothing', [], []],
  ])('%s', async (_, chunks, want) => {
    expect(await read(chunks)).toEqual(want);
  });

  test('a character that lies across two chunks stays whole', async () => {
    const bytes = Buffer.from('{"name":"Müller 学"}\n');
    const bytewise = Array.from(bytes, (byte) => Uint8Array.of(byte));
    expect(await read(bytewise)).toEqual(['{"name":"Müller 学"}']);
  });

  test('a connection that ends within a line is an error, and half an object is never given out', async () => {
    const seen = read(['{"a":1}\n{"b":']);
    await expect(seen).rejects.toMatchObject({ reason: 'unreachable', retry: 'Later' });
    await expect(seen).rejects.toThrow('watch pods: the connection ended within a line, after 5 of its bytes');
  });

  test('a line beyond the limit is refused before it is whole', async () => {
    await expect(read(['1234567890\n'], 10)).resolves.toEqual(['1234567890']);
    await expect(read(['12345', '67890', '1'], 10)).rejects.toMatchObject({ reason: 'malformed' });
    await expect(read(['12345678901\n'], 10)).rejects.toThrow(/a line of more than 10 bytes/);
  });
});

describe('an event of a watch', () => {
  const event = (line: unknown): unknown =>
    watchEvent(typeof line === 'string' ? line : JSON.stringify(line), kinds.nodes, 'watch nodes');
  const metadata = { name: 'n', uid: 'u', resourceVersion: '7' };

  test.each([
    ['ADDED', 'set'],
    ['MODIFIED', 'set'],
    ['DELETED', 'deleted'],
  ])('%s brings the object as %s, with its kind and an empty namespace where it has none', (type, want) => {
    expect(event({ type, object: { metadata, spec: { a: 1 } } })).toEqual({
      type: want,
      object: { apiVersion: 'v1', kind: 'Node', metadata: { ...metadata, namespace: '' }, spec: { a: 1 } },
    });
  });

  test('BOOKMARK brings a version', () => {
    const object = { kind: 'Node', apiVersion: 'v1', metadata: { resourceVersion: '12746', creationTimestamp: null } };
    expect(event({ type: 'BOOKMARK', object })).toEqual({ type: 'bookmark', resourceVersion: '12746' });
  });

  test('ERROR is thrown as what the server says', () => {
    const object = { kind: 'Status', message: 'too old resource version: 1 (203)', reason: 'Expired', code: 410 };
    expect(() => event({ type: 'ERROR', object })).toThrow(
      expect.objectContaining({ reason: 'gone', message: 'too old resource version: 1 (203)', status: 410 }),
    );
  });

  test.each([
    ['no JSON', '{"type":"ADDED","object":{"kin'],
    ['JSON of another kind', '[1]'],
    ['a type that nobody knows', { type: 'MOVED', object: { metadata } }],
    ['an object without name', { type: 'ADDED', object: { metadata: { uid: 'u', resourceVersion: '7' } } }],
    ['an object without version', { type: 'DELETED', object: { metadata: { name: 'n', uid: 'u' } } }],
    ['no object', { type: 'ADDED' }],
    ['a bookmark without version', { type: 'BOOKMARK', object: { metadata: {} } }],
  ])('%s is malformed', (_, line) => {
    expect(() => event(line)).toThrow(expect.objectContaining({ reason: 'malformed' }));
  });

  test('a message shows the beginning of what was found, never the data of a Secret', () => {
    const line = '{"type":"ADDED","object":{"kind":"Secret","apiVersion":"v1","data":{"password":"aHVzaA=="';
    expect(() => event(line)).toThrow(expect.objectContaining({ message: expect.not.stringContaining('aHVz') }));
  });
});

describe('a store', () => {
  const named = (name: string, uid = `uid of ${name}`, namespace = 'ns') => ({ name, namespace, uid });

  test('tells what changed, and nothing when nothing did', () => {
    const store = new ObjectStore<{ a: number }>();
    expect(store.set(named('x'), { a: 1 })).toEqual([{ old: null, now: { a: 1 } }]);
    expect(store.set(named('x'), { a: 1 })).toEqual([]);
    expect(store.set(named('x'), { a: 2 })).toEqual([{ old: { a: 1 }, now: { a: 2 } }]);
    expect(store.delete(named('x'))).toEqual([{ old: { a: 2 }, now: null }]);
    expect(store.delete(named('x'))).toEqual([]);
    expect(store.size).toBe(0);
  });

  test('takes an object of the same name and another uid for another, even when it looks the same', () => {
    const store = new ObjectStore<{ a: number }>();
    store.set(named('x', 'first'), { a: 1 });
    expect(store.set(named('x', 'second'), { a: 1 })).toEqual([
      { old: { a: 1 }, now: null },
      { old: null, now: { a: 1 } },
    ]);
  });

  test('lets go of what its projection no longer keeps', () => {
    const store = new ObjectStore<{ a: number }>();
    store.set(named('x'), { a: 1 });
    expect(store.set(named('x'), null)).toEqual([{ old: { a: 1 }, now: null }]);
    expect(store.set(named('x'), null)).toEqual([]);
  });

  test('keeps namespaces apart', () => {
    const store = new ObjectStore<string>();
    store.set(named('x', 'u1', 'a'), 'x of a');
    store.set(named('x', 'u2', 'b'), 'x of b');
    store.set(named('n', 'u3', ''), 'of no namespace');
    expect(store.get('a', 'x')).toBe('x of a');
    expect(store.get('c', 'x')).toBeNull();
    expect(store.list('b')).toEqual(['x of b']);
    expect(store.list('')).toEqual(['of no namespace']);
    expect(store.list()).toHaveLength(3);
  });

  test('deletes what a list no longer has', () => {
    const store = new ObjectStore<string>();
    for (const name of ['a', 'b', 'c']) store.set(named(name), name);
    expect(store.keepOnly([named('b'), named('z')])).toEqual([
      { old: 'a', now: null },
      { old: 'c', now: null },
    ]);
    expect(store.list()).toEqual(['b']);
  });

  test('finds by its index, also after objects moved in it or went', () => {
    const store = new ObjectStore<{ job: string | null; at: number }>(({ job }) => job);
    store.set(named('a'), { job: 'one', at: 1 });
    store.set(named('b'), { job: 'one', at: 2 });
    store.set(named('c'), { job: null, at: 3 });
    expect(store.indexed('one').map(({ at }) => at)).toEqual([1, 2]);
    store.set(named('a'), { job: 'two', at: 4 });
    store.delete(named('b'));
    expect(store.indexed('one')).toEqual([]);
    expect(store.indexed('two')).toEqual([{ job: 'two', at: 4 }]);
  });
});
