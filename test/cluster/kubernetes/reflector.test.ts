/**
 * List-and-watch against the real API server, through a network that fails: whatever happened, the store ends equal to
 * what the server holds, and so does a reader that only got the changes.
 */
import { randomFrom } from '@distillery/base';
import { systemClock } from '@distillery/platform';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals';

import { type ApiClient, ApiError, kinds, type StoredObject } from '../../../src/cluster/kubernetes/index.js';
import { Reflector, type ReflectorReport, type ReflectorTiming } from '../../../src/cluster/kubernetes/watch/index.js';
import { type TransportLimits } from '../../../src/cluster/kubernetes/api/index.js';
import { clientOf, type TestClient } from '../../kit/api-client.js';
import { startControlPlane } from '../../kit/cluster/control-plane.js';
import { throttledUser, removeThrottle } from '../../kit/throttled-user.js';
import { FaultyProxy } from '../../kit/faulty-proxy.js';
import { until } from '../../kit/until.js';

type ControlPlane = Awaited<ReturnType<typeof startControlPlane>>;

let cluster: ControlPlane;
/** Straight to the API server: makes the changes, and says what is true. */
let direct: TestClient;
let proxy: FaultyProxy;
let namespace = '';
let namespaces = 0;
const running: (() => Promise<unknown>)[] = [];

beforeAll(async () => {
  cluster = await startControlPlane();
  direct = await clientOf(cluster.kubeconfig);
  proxy = await FaultyProxy.start(cluster.url);
});
afterAll(async () => {
  await direct.close();
  await proxy.stop();
  await cluster.stop();
});
beforeEach(async () => {
  namespace = `reflected-${++namespaces}`;
  await direct.client.create({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: namespace } });
});
afterEach(async () => {
  await Promise.all(running.splice(0).map(async (stop) => stop()));
  await proxy.heal();
});

interface Kept {
  readonly name: string;
  readonly uid: string;
  readonly data: unknown;
}

function keep({ metadata: { name, uid }, data }: StoredObject): Kept {
  return { name, uid, data };
}

interface Settings {
  readonly kubeconfig?: string;
  readonly limits?: Partial<TransportLimits>;
  readonly timing?: Partial<ReflectorTiming>;
  /** Stands before the client. */
  readonly between?: (client: ApiClient) => Pick<ApiClient, 'list' | 'watch'>;
}

/** A reflector of the namespace's ConfigMaps behind the proxy, with the patience of a test. */
async function reflecting({
  kubeconfig = cluster.kubeconfig,
  limits,
  timing,
  between = (client) => client,
}: Settings = {}) {
  const api = await clientOf(kubeconfig, {
    server: proxy.url,
    requestMs: 3_000,
    silenceMs: 3_000,
    connectMs: 1_000,
    ...limits,
  });
  const reports: ReflectorReport[] = [];
  const heard = new Map<string, Kept>();
  const gaps: string[] = [];
  const reflector = new Reflector({
    client: between(api.client),
    kind: kinds.configMaps,
    namespace,
    project: keep,
    clock: systemClock,
    random: randomFrom(namespaces),
    report: (report) => reports.push(report),
    timing: { firstWaitMs: 50, longestWaitMs: 500, healthyMs: 2_000, ...timing },
  });
  reflector.onChange((old, now) => {
    const name = (old ?? now)?.name ?? '';
    if (JSON.stringify(old) !== JSON.stringify(heard.get(name) ?? null)) gaps.push(name);
    if (now === null) heard.delete(name);
    else heard.set(name, now);
  });
  reflector.start();
  running.push(async () => {
    await reflector.stop();
    await api.close();
  });
  /** Each interruption as "what, then what". */
  const interruptions = (): string[] =>
    reports.flatMap((report) => (report.kind === 'interrupted' ? [`${report.error.reason}, then ${report.next}`] : []));
  /** Resolves when store and listener are equal to what the server holds now, and stays so at a second look. */
  const equals = async (): Promise<void> => {
    let want = await truth();
    await until(
      'the store to equal the server',
      async () => {
        // Controllers write into a new namespace, too: kube-root-ca.crt comes when it comes.
        want = await truth();
        return same(shown(reflector.store.list()), want);
      },
      () => `${difference(shown(reflector.store.list()), want)} after ${JSON.stringify(reports.slice(-5))}`,
    );
    expect(shown([...heard.values()])).toEqual(want);
    expect(gaps).toEqual([]);
  };
  return { reflector, reports, interruptions, equals, api };
}

function shown(all: readonly Kept[]): Map<string, string> {
  return new Map(
    all.map((kept): [string, string] => [kept.name, JSON.stringify(kept)]).sort(([a], [b]) => (a < b ? -1 : 1)),
  );
}

function same(a: ReadonlyMap<string, string>, b: ReadonlyMap<string, string>): boolean {
  return a.size === b.size && [...a].every(([name, kept]) => b.get(name) === kept);
}

function difference(found: ReadonlyMap<string, string>, want: ReadonlyMap<string, string>): string {
  const names = [...new Set([...found.keys(), ...want.keys()])].filter((name) => found.get(name) !== want.get(name));
  return names
    .map((name) => `${name}: ${found.get(name) ?? 'nothing'} instead of ${want.get(name) ?? 'nothing'}`)
    .join('; ');
}

async function truth(): Promise<Map<string, string>> {
  const all: Kept[] = [];
  let continueToken: string | null = null;
  do {
    const page = await direct.client.list(kinds.configMaps, { namespace, limit: 1_000, continueToken });
    all.push(...page.items.map(keep));
    ({ continueToken } = page);
  } while (continueToken !== null);
  return shown(all);
}

/** Of the whole cluster. */
async function version(): Promise<number> {
  return Number((await direct.client.list(kinds.namespaces, { limit: 1 })).resourceVersion);
}

async function put(name: string, value: string, padding = ''): Promise<void> {
  await direct.client.apply({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name, namespace },
    data: { value, padding },
  });
}

async function remove(name: string): Promise<void> {
  await direct.client.delete(kinds.configMaps, namespace, name);
}

interface Churn {
  /** Changes made so far. */
  readonly changes: () => number;
  readonly stop: () => Promise<void>;
}

/** Puts and removes at random, one after the other, until it is stopped. */
function churning(names: number, seed: number): Churn {
  const random = randomFrom(seed);
  const over = new AbortController();
  let changes = 0;
  const loop = (async () => {
    while (!over.signal.aborted) {
      const name = `c-${random.below(names)}`;
      if (random.unit() < 0.3) await remove(name);
      else await put(name, String(changes));
      changes += 1;
    }
  })();
  return {
    changes: () => changes,
    stop: async () => {
      over.abort();
      return loop;
    },
  };
}

async function many<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.pop(); item !== undefined; item = left.pop()) await work(item);
  };
  await Promise.all(Array.from({ length: 16 }, worker));
}

const numbered = (count: number): string[] =>
  Array.from({ length: count }, (_, at) => `n-${String(at).padStart(4, '0')}`);

/** Forgets, at the store behind the API server, every version before now. */
async function compact(): Promise<void> {
  const post = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(`${cluster.etcd.url}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
    return response.json();
  };
  const { header } = (await post('range', { key: 'AA==', limit: 1 })) as { header: { revision: string } };
  await post('compaction', { revision: header.revision, physical: true });
}

async function wait(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

describe('without faults', () => {
  test('the store follows, and a quiet cluster costs only an open watch', async () => {
    await many(numbered(25), async (name) => put(name, '1'));
    const { reflector, equals, api } = await reflecting({ timing: { pageSize: 10 } });
    await reflector.whenSynced();
    expect(reflector.store.size).toBeGreaterThanOrEqual(25);
    await many(numbered(25), async (name) => (name < 'n-0010' ? remove(name) : put(name, '2')));
    await equals();
    const asked = api.records.length;
    await wait(1_000);
    expect(api.records.length).toBe(asked);
    expect(api.records.map(({ verb }) => verb)).toEqual(['list', 'list', 'list', 'watch']);
  });

  test('a watch that the server ends is resumed without a list and without a gap', async () => {
    const { reflector, equals, interruptions } = await reflecting({ timing: { watchSeconds: 1 } });
    await reflector.whenSynced();
    const churn = churning(20, 1);
    await until('three watches', () => reflector.counters.watches >= 3);
    await churn.stop();
    await equals();
    expect(interruptions()).toEqual([]);
    expect(reflector.counters.lists).toBe(1);
  });
});

describe('cut sockets', () => {
  test('every few milliseconds, at any place, lose nothing', async () => {
    const { reflector, equals, interruptions } = await reflecting();
    await reflector.whenSynced();
    const churn = churning(50, 2);
    const random = randomFrom(7);
    const seenEnough = (): boolean =>
      churn.changes() > 200 && interruptions().length >= 5 && interruptions().includes('unreachable, then watch');
    // A loaded server makes fewer changes in the same time.
    for (let time = 0; time < 40 || !seenEnough(); time++) {
      await wait(20 + random.below(120));
      proxy.cut();
    }
    await churn.stop();
    await equals();
  });

  test('after some bytes, within lines and records, lose nothing', async () => {
    const { reflector, equals, interruptions } = await reflecting();
    await reflector.whenSynced();
    const churn = churning(50, 3);
    const random = randomFrom(8);
    for (let time = 0; time < 20 || interruptions().length < 5; time++) {
      // Less than a handshake and a list at times.
      proxy.cutAfter(1_000 + random.below(30_000));
      await wait(200);
    }
    await proxy.heal();
    await churn.stop();
    await equals();
  });

  test('that close cleanly with data in flight lose nothing', async () => {
    const { reflector, equals } = await reflecting();
    await reflector.whenSynced();
    const churn = churning(50, 4);
    for (let time = 0; time < 20; time++) {
      await wait(100);
      proxy.finish();
    }
    await churn.stop();
    await equals();
  });

  test('with 3,000 objects changing end exactly equal', async () => {
    const names = numbered(3_000);
    const third = (index: number) => names.filter((_, at) => at % 3 === index);
    await many(third(0), async (name) => put(name, '1'));
    const { reflector, equals, interruptions } = await reflecting();
    await reflector.whenSynced();
    const over = new AbortController();
    const random = randomFrom(9);
    const cuts = (async () => {
      while (!over.signal.aborted) {
        await wait(50 + random.below(500));
        proxy.cut();
      }
    })();
    await many(names, async (name) => put(name, '2'));
    await many(third(1), async (name) => remove(name));
    await many(third(2), async (name) => put(name, '3'));
    over.abort();
    await cuts;
    await equals();
    // The ConfigMap of the cluster's authority, which every namespace has, aside.
    expect(reflector.store.list().filter(({ name }) => name.startsWith('n-'))).toHaveLength(2_000);
    expect(interruptions().length).toBeGreaterThan(5);
  });
});

describe('a slow network', () => {
  test('delays and low bandwidth make it late, never wrong', async () => {
    await many(numbered(100), async (name) => put(name, '1', 'x'.repeat(500)));
    proxy.delay(30);
    proxy.throttle(200_000);
    const { reflector, equals, interruptions } = await reflecting({ limits: { requestMs: 20_000 } });
    await reflector.whenSynced();
    const churn = churning(30, 5);
    await wait(1_500);
    await churn.stop();
    await equals();
    expect(interruptions()).toEqual([]);
  });

  test('an answer that stalls is aborted and requested again', async () => {
    await many(numbered(100), async (name) => put(name, '1', 'x'.repeat(500)));
    proxy.throttle(4_000);
    const { reflector, interruptions, equals } = await reflecting({ limits: { requestMs: 1_000 } });
    await until('an interruption', () => interruptions().length > 0);
    expect(interruptions()[0]).toBe('timeout, then list');
    expect(reflector.synced).toBe(false);
    await proxy.heal();
    proxy.cut();
    await equals();
  });

  test('a black hole is noticed by its silence, although every connection is open', async () => {
    await put('before', '1');
    const { reflector, interruptions, equals } = await reflecting();
    await until('a watch', () => reflector.counters.watches === 1);
    proxy.blackHole();
    await put('during', '1');
    await remove('before');
    await until('a silent watch', () => interruptions().includes('silent, then list'));
    await until('a list without an answer', () => interruptions().includes('timeout, then list'));
    const contactMs = reflector.lastContactMs ?? 0;
    expect(Date.now() - contactMs).toBeGreaterThan(3_000);
    await proxy.heal();
    await equals();
    expect(reflector.lastContactMs).toBeGreaterThan(contactMs);
  });
});

describe('an API server', () => {
  test('that is unreachable is asked with a growing backoff, and believed when it is back', async () => {
    await put('before', '1');
    const { reflector, interruptions, equals, api } = await reflecting();
    await reflector.whenSynced();
    await proxy.refuse();
    await put('during', '1');
    await remove('before');
    await until('four interruptions', () => interruptions().length >= 4);
    expect(new Set(interruptions().slice(1))).toEqual(new Set(['unreachable, then list']));
    expect(api.records.filter(({ outcome }) => outcome === 'unreachable').length).toBeLessThan(20);
    await proxy.heal();
    await equals();
  });

  test('that is killed and restarted is followed again', async () => {
    const { reflector, equals, interruptions } = await reflecting();
    await reflector.whenSynced();
    await many(numbered(30), async (name) => put(name, '1'));
    await cluster.apiServer.kill('SIGKILL');
    await until('three interruptions', () => interruptions().length > 2);
    await cluster.apiServer.start();
    await many(numbered(30), async (name) => (name < 'n-0010' ? remove(name) : put(name, '2')));
    await equals();
  });

  test('that dropped the pages during a list is listed again', async () => {
    await many(numbered(25), async (name) => put(name, '1'));
    let pages = 0;
    const { reflector, interruptions, equals } = await reflecting({
      timing: { pageSize: 10 },
      between: (client) => ({
        watch: (kind, options) => client.watch(kind, options),
        list: async (kind, options) => {
          pages += 1;
          if (pages === 2) {
            await remove('n-0003');
            await put('n-0025', '1');
            await compact();
            // Its memory would serve the old pages still.
            await cluster.apiServer.kill('SIGKILL');
            await cluster.apiServer.start();
          }
          return client.list(kind, options);
        },
      }),
    });
    await reflector.whenSynced();
    expect(interruptions()).toContain('gone, then list');
    await equals();
  });

  test('that no longer knows the version to resume from is listed again, deletions included', async () => {
    await many(numbered(10), async (name) => put(name, '1'));
    let watches = 0;
    const { reflector, interruptions, equals } = await reflecting({
      between: (client) => ({
        list: async (kind, options) => client.list(kind, options),
        watch: async function* (kind, options) {
          watches += 1;
          if (watches === 1) {
            await many(numbered(10), async (name) => (name < 'n-0005' ? remove(name) : put(name, '2')));
            await compact();
            await cluster.apiServer.kill('SIGKILL');
            await cluster.apiServer.start();
          }
          yield* client.watch(kind, options);
        },
      }),
    });
    await reflector.whenSynced();
    await until('a version that is gone', () => interruptions().includes('gone, then list'));
    await equals();
    expect(reflector.store.get(namespace, 'n-0001')).toBeNull();
  });

  test('that answers 429 gets no request for as long as it asks, and is followed again', async () => {
    const kubeconfig = await throttledUser(cluster, 'crowd');
    const crowd = await clientOf(kubeconfig, { connections: 100 });
    await put('before', '1');
    const over = new AbortController();
    const press = (async () => {
      while (!over.signal.aborted)
        await Promise.allSettled(Array.from({ length: 100 }, async () => crowd.client.list(kinds.configMaps)));
    })();
    const { reports, equals, interruptions } = await reflecting({ kubeconfig, timing: { watchSeconds: 1 } });
    await until(
      'two requests that are throttled',
      () => interruptions().filter((what) => what.startsWith('throttled')).length >= 2,
    );
    await put('during', '1');
    over.abort();
    await press;
    await crowd.close();
    // Our part is to come back when there is room.
    await removeThrottle(cluster, 'crowd', kubeconfig);
    const waits = reports.flatMap((report) =>
      report.kind === 'interrupted' && report.error.reason === 'throttled' ? [report.waitMs] : [],
    );
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000);
    // It asked for more patience the more it had to refuse, up to a minute of which is obeyed.
    await equals();
  });

  test('whose store was restored to an earlier state, and has moved on beyond the later one, is believed', async () => {
    await many(numbered(10), async (name) => put(name, '1'));
    // So patient that silence does not help.
    const { reflector, equals } = await reflecting({ limits: { silenceMs: 90_000 } });
    await reflector.whenSynced();
    const snapshot = await cluster.etcd.snapshot();
    await many(numbered(30), async (name) => (name < 'n-0005' ? remove(name) : put(name, 'lost')));
    await equals();
    const later = await version();
    await cluster.apiServer.kill('SIGKILL');
    await proxy.refuse();
    await cluster.etcd.restore(snapshot);
    await cluster.apiServer.start();
    expect(await version()).toBeLessThan(later);
    // The versions of what was lost are given again, to other things.
    for (let at = 0; (await version()) <= later; at++) await put(`again-${at % 50}`, String(at));
    await proxy.heal();
    await equals();
    expect(reflector.store.get(namespace, 'n-0029')).toBeNull();
    expect(reflector.store.get(namespace, 'n-0003')?.data).toMatchObject({ value: '1' });
  });

  test('whose store was restored behind its open watches is noticed by their silence', async () => {
    await put('kept', '1');
    const snapshot = await cluster.etcd.snapshot();
    for (let value = 0; value < 50; value++) await put('kept', `lost ${value}`);
    let watches = 0;
    const { reflector, equals, interruptions } = await reflecting({
      between: (client) => ({
        list: async (kind, options) => client.list(kind, options),
        watch: async function* (kind, options) {
          watches += 1;
          if (watches === 1) {
            await cluster.apiServer.kill('SIGKILL');
            await cluster.etcd.restore(snapshot);
            await cluster.apiServer.start();
          }
          yield* client.watch(kind, options);
        },
      }),
    });
    await reflector.whenSynced();
    await until('a silent watch', () => interruptions().includes('silent, then list'));
    await equals();
    expect(reflector.store.get(namespace, 'kept')?.data).toMatchObject({ value: '1' });
  });
});

test('a refusal does not end it: without rights it retries, and syncs when it gets them', async () => {
  const kubeconfig = await cluster.user('newcomer', []);
  const { reflector, reports, equals } = await reflecting({ kubeconfig });
  await until('three reports', () => reports.length >= 3);
  expect(reports[0]).toMatchObject({ kind: 'interrupted', error: expect.any(ApiError) as unknown, next: 'list' });
  expect(reports[0]).toMatchObject({ error: { reason: 'forbidden' } });
  expect(reflector.synced).toBe(false);
  await cluster.kubectl(['create', 'clusterrolebinding', 'newcomer', '--clusterrole=cluster-admin', '--user=newcomer']);
  await put('a', '1');
  await equals();
});
