/** A reflector against a server with the manners of the real one, on a clock that the test moves. */
import { randomFrom } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { kinds, type StoredObject } from '../../../../../src/cluster/kubernetes/index.js';
import { type ApiErrorReason } from '../../../../../src/cluster/kubernetes/api/index.js';
import {
  Reflector,
  type ReflectorReport,
  type ReflectorTiming,
} from '../../../../../src/cluster/kubernetes/watch/index.js';
import { FakeClock, settled } from '../../../../kit/clock.js';
import { FakeApiServer, fakeError } from '../../../../kit/fake-api-server.js';

interface Kept {
  readonly name: string;
  readonly spec: unknown;
}

function keep({ metadata, spec }: StoredObject): Kept | null {
  return { name: metadata.name, spec };
}

async function watching(names: readonly string[] = [], timing: Partial<ReflectorTiming> = {}, project = keep) {
  const clock = new FakeClock(1_000_000);
  const server = new FakeApiServer(clock);
  for (const name of names) server.put(name, 1);
  const changes: string[] = [];
  const reports: ReflectorReport[] = [];
  const reflector = new Reflector({
    client: server,
    kind: kinds.configMaps,
    project,
    clock,
    random: randomFrom(1),
    report: (report) => reports.push(report),
    timing,
  });
  reflector.onChange((old, now) => {
    changes.push(
      `${old === null ? '' : `${old.name}=${String(old.spec)}`}→${now === null ? '' : `${now.name}=${String(now.spec)}`}`,
    );
  });
  reflector.start();
  await settled();
  const held = (): unknown => new Map(reflector.store.list().map((kept) => [kept.name, kept.spec]));
  /** Each interruption as "what, then what". */
  const interruptions = (): string[] =>
    reports.flatMap((report) => (report.kind === 'interrupted' ? [`${report.error.reason}, then ${report.next}`] : []));
  const cut = async (kind: ApiErrorReason | null): Promise<void> => {
    server.endWatches(kind === null ? null : fakeError(kind));
    await settled();
  };
  return { clock, server, changes, reports, reflector, held, interruptions, cut };
}

describe('a reflector', () => {
  test('lists page by page, is synced after the last, and then watches', async () => {
    const { server, changes, reflector, reports } = await watching(['a', 'b', 'c', 'd', 'e'], { pageSize: 2 });
    expect(reflector.synced).toBe(true);
    expect(changes).toEqual(['→a=1', '→b=1', '→c=1', '→d=1', '→e=1']);
    expect(server.requests).toEqual(['list', 'list', 'list', 'watch']);
    expect(reports).toEqual([{ kind: 'listed', objects: 5, pages: 3, ms: 0 }]);
  });

  test('reports added, changed and deleted objects, with the previous state', async () => {
    const { server, changes, held } = await watching(['a']);
    server.put('b', 1);
    server.put('a', 2);
    server.remove('a');
    await settled();
    expect(changes).toEqual(['→a=1', '→b=1', 'a=1→a=2', 'a=2→']);
    expect(held()).toEqual(server.truth);
  });

  test('starts again, and is not synced, when the pages of its list are gone', async () => {
    const clock = new FakeClock();
    const server = new FakeApiServer(clock);
    for (const name of ['a', 'b', 'c']) server.put(name, 1);
    server.failures.push(null, fakeError('gone'));
    const reflector = new Reflector({
      client: server,
      kind: kinds.configMaps,
      project: keep,
      clock,
      random: randomFrom(1),
      timing: { pageSize: 2 },
    });
    reflector.start();
    await settled();
    expect(reflector.synced).toBe(false);
    await clock.advance(200);
    expect(reflector.synced).toBe(true);
    expect(server.requests).toEqual(['list', 'list', 'list', 'list', 'watch']);
  });

  test('resumes after a cut, without a list', async () => {
    const { clock, server, cut, changes, interruptions } = await watching(['a']);
    await cut('unreachable');
    server.put('b', 1);
    server.remove('a');
    await clock.advance(200);
    expect(server.requests).toEqual(['list', 'watch', 'watch']);
    expect(changes).toEqual(['→a=1', '→b=1', 'a=1→']);
    expect(interruptions()).toEqual(['unreachable, then watch']);
  });

  test('lists when the last contact before the cut is not recent', async () => {
    const { clock, server, cut } = await watching(['a']);
    await clock.advance(10_000);
    await cut('unreachable');
    await clock.advance(200);
    expect(server.requests).toEqual(['list', 'watch', 'watch', 'list', 'watch']);
  });

  test('resumes at once, and counts no interruption, when the server ends a watch in time', async () => {
    const { clock, server, cut, reflector } = await watching();
    await clock.advance(60_000);
    await cut(null);
    expect(server.requests).toEqual(['list', 'watch', 'watch']);
    expect(reflector.counters).toEqual({ lists: 1, watches: 2, events: 0, bookmarks: 1, interruptions: 0 });
  });

  test('requests watches of different lengths, from five to ten minutes', async () => {
    const clock = new FakeClock();
    const seconds: number[] = [];
    const server = new FakeApiServer(clock);
    const watch = server.watch.bind(server);
    const reflector = new Reflector({
      client: {
        list: server.list.bind(server),
        watch: (kind, options) => {
          seconds.push(options.timeoutSeconds);
          return watch(kind, options);
        },
      },
      kind: kinds.configMaps,
      project: keep,
      clock,
      random: randomFrom(1),
    });
    reflector.start();
    await settled();
    await clock.advance(3 * 3_600_000);
    expect(seconds.length).toBeGreaterThanOrEqual(18);
    expect(seconds.length).toBeLessThanOrEqual(36);
    expect(new Set(seconds).size).toBeGreaterThan(10);
    expect(Math.min(...seconds)).toBeGreaterThanOrEqual(300);
    expect(Math.max(...seconds)).toBeLessThan(600);
    // Half an hour, give or take a quarter, counted at the end of a watch.
    expect(reflector.counters.lists).toBeGreaterThanOrEqual(4);
    expect(reflector.counters.lists).toBeLessThanOrEqual(8);
  });

  test('backs off between watches that end at once', async () => {
    const { clock, server } = await watching();
    const before = server.requests.length;
    for (let second = 0; second < 60; second++) {
      server.endWatches(null);
      await settled();
      await clock.advance(1_000);
    }
    expect(server.requests.length - before).toBeLessThan(20);
  });

  test('notices a server that was rolled back and answers with silence', async () => {
    const { clock, server, held, interruptions, cut } = await watching(['a', 'b']);
    const backup = server.snapshot();
    for (let value = 2; value < 20; value++) server.put('a', value);
    await settled();
    server.restore(backup);
    await cut('unreachable');
    await clock.advance(200);
    expect(held()).toEqual(
      new Map([
        ['a', 19],
        ['b', 1],
      ]),
    );
    await clock.advance(90_000);
    expect(held()).toEqual(server.truth);
    expect(interruptions()).toEqual(['unreachable, then watch', 'silent, then list']);
  });

  test('believes a server that was rolled back and has moved on beyond its former version', async () => {
    const { clock, server, held, cut } = await watching(['a', 'b']);
    const backup = server.snapshot();
    server.put('c', 1);
    server.put('b', 2);
    await settled();
    server.down = true;
    await cut('unreachable');
    await clock.advance(3_000);
    server.restore(backup);
    // The very versions that were given before, to other things.
    server.put('d', 1);
    server.put('b', 3);
    server.put('e', 1);
    server.down = false;
    await clock.advance(5_000);
    expect(held()).toEqual(server.truth);
  });

  test.each<[ApiErrorReason, 'list' | 'watch']>([
    ['gone', 'list'],
    ['malformed', 'list'],
    ['internal', 'list'],
    ['throttled', 'list'],
    ['tooLargeVersion', 'list'],
    ['unreachable', 'watch'],
  ])('after a watch that breaks with %s does a %s', async (kind, next) => {
    const { clock, server, held, cut, interruptions } = await watching(['a']);
    await cut(kind);
    server.remove('a');
    server.put('b', 1);
    await clock.advance(200);
    expect(interruptions()).toEqual([`${kind}, then ${next}`]);
    expect(held()).toEqual(server.truth);
  });

  test('backs off while the server is away, and resumes soon after it is back', async () => {
    const { clock, server, cut, held } = await watching(['a']);
    server.down = true;
    await cut('unreachable');
    await clock.advance(10 * 60_000);
    const asked = server.requests.length;
    // Eight doublings up to half a minute, then one each 15 to 30 s.
    expect(asked).toBeLessThan(60);
    expect(asked).toBeGreaterThan(25);
    server.put('b', 1);
    server.down = false;
    await clock.advance(30_000);
    expect(held()).toEqual(server.truth);
  });

  test('waits as long as the server asks, up to a minute', async () => {
    const { clock, server, reflector } = await watching();
    server.endWatches(fakeError('gone'));
    server.failures.push(fakeError('throttled', 20_000), fakeError('throttled', 3_600_000));
    await settled();
    await clock.advance(200);
    expect(server.requests).toEqual(['list', 'watch', 'list']);
    await clock.advance(19_800);
    expect(server.requests).toHaveLength(3);
    await clock.advance(200);
    expect(server.requests).toEqual(['list', 'watch', 'list', 'list']);
    await clock.advance(60_000);
    expect(reflector.counters).toMatchObject({ lists: 2, watches: 2, interruptions: 3 });
  });

  test('reports the time of the last contact', async () => {
    const { clock, server, cut, reflector } = await watching();
    const startMs = clock.now();
    await clock.advance(119_999);
    // The bookmark of the first minute.
    expect(reflector.lastContactMs).toBe(startMs + 60_000);
    server.down = true;
    await cut('unreachable');
    await clock.advance(300_000);
    expect(reflector.lastContactMs).toBe(startMs + 60_000);
    expect(reflector.synced).toBe(true);
  });

  test('knows when its state may be outdated', async () => {
    const { clock, server, cut, reflector } = await watching(['a']);
    expect(reflector.current).toBe(true);
    await cut('unreachable');
    expect(reflector.current).toBe(false);
    // The watch continues from where it was.
    await clock.advance(200);
    expect(reflector.current).toBe(true);
    server.failures.push(fakeError('unreachable'), fakeError('throttled', 5_000));
    await cut('unreachable');
    await clock.advance(1_500);
    expect(server.requests.slice(-2)).toEqual(['watch', 'list']);
    expect(reflector.current).toBe(false);
    await clock.advance(5_000);
    expect(reflector.current).toBe(true);
  });

  test('continues when a handler throws, and reports it', async () => {
    const { server, reflector, reports, held, changes } = await watching();
    reflector.onChange(() => {
      throw new Error('handler');
    });
    server.put('a', 1);
    server.put('b', 1);
    await settled();
    expect(changes).toEqual(['→a=1', '→b=1']);
    expect(reports.filter(({ kind }) => kind === 'handlerFailed')).toHaveLength(2);
    expect(held()).toEqual(server.truth);
  });

  test('keeps the previous state of an object when its projection throws, and reports it', async () => {
    const { server, reports, held } = await watching(['a'], {}, (object) => {
      if (object.spec === 'odd') throw new Error('projection');
      return keep(object);
    });
    server.put('a', 'odd');
    server.put('b', 'odd');
    server.put('c', 1);
    await settled();
    expect(held()).toEqual(
      new Map([
        ['a', 1],
        ['c', 1],
      ]),
    );
    expect(reports.filter(({ kind }) => kind === 'projectionFailed')).toMatchObject([{ name: 'a' }, { name: 'b' }]);
  });

  test('keeps only what its projection returns', async () => {
    const { server, held, changes } = await watching(['a'], {}, (object) =>
      object.spec === 'hidden' ? null : keep(object),
    );
    server.put('b', 'hidden');
    server.put('a', 'hidden');
    server.put('b', 2);
    await settled();
    expect(changes).toEqual(['→a=1', 'a=1→', '→b=2']);
    expect(held()).toEqual(new Map([['b', 2]]));
  });

  test.each(['while it watches', 'while it waits'])('stops %s, and leaves nothing behind', async (when) => {
    const { clock, server, cut, reflector } = await watching(['a']);
    if (when === 'while it waits') await cut('gone');
    await reflector.stop();
    server.put('b', 1);
    await clock.advance(60_000);
    expect(reflector.store.size).toBe(1);
    expect(server.requests).toEqual(['list', 'watch']);
    expect(clock.waits).toEqual([]);
  });
});
