/** The operator's pages: what /readyz says of watches, NATS and leadership, and the gauges that /metrics reads at each scrape. */
import { describe, expect, test } from '@jest/globals';

import { kinds, type ResourceKind, type WatchState } from '../../../src/cluster/kubernetes/index.js';
import { healthPages, type Scraped } from '../../../src/operator/scrape.js';
import { createMetrics } from '../../../src/telemetry/index.js';
import { FakeClock } from '../../kit/clock.js';

const nowMs = 1_000_000;
const counters = { lists: 1, watches: 1, events: 5, bookmarks: 0, interruptions: 2 };

function watchOf(kind: ResourceKind, facts: Partial<WatchState> = {}): WatchState {
  return { kind, optional: false, synced: true, lastContactMs: nowMs, counters, ...facts };
}

function pages(facts: Partial<Scraped> = {}) {
  return healthPages({
    metrics: createMetrics({ processMetrics: false }),
    clock: new FakeClock(nowMs),
    queue: { depth: 3, oldestMs: 1_500 },
    home: { connected: true, health: { connected: true }, accounts: { connected: 2, unreachable: 1 } },
    watches: { states: () => [watchOf(kinds.pods), watchOf(kinds.nodes)] },
    staleMs: 150_000,
    isLeading: () => true,
    fleetTotals: () => [{ resource: 'nvidia.com/gpu', free: 8, reserved: 2, granted: 5, pending: 3 }],
    expiries: () => new Map([['nats-system', 1_800_000_000]]),
    ...facts,
  });
}

describe('readiness', () => {
  const fine = { problem: null };

  test('is given when every watch is complete', () => {
    expect(pages().ready()).toEqual([
      { name: 'watch pods', ...fine },
      { name: 'watch nodes', ...fine },
      { name: 'nats', ...fine },
      { name: 'leader', ...fine },
    ]);
  });

  test('names the namespace of a watch, where the operator has one for each', () => {
    const states = () => ['team-a', 'team-b'].map((namespace) => watchOf(kinds.jobs, { namespace }));
    const names = pages({ watches: { states } })
      .ready()
      .map(({ name }) => name);
    expect(names.slice(0, 2)).toEqual(['watch jobs in team-a', 'watch jobs in team-b']);
  });

  test('waits for the first list of each watch', () => {
    const states = () => [watchOf(kinds.pods, { synced: false, lastContactMs: null })];
    expect(pages({ watches: { states } }).ready()[0]).toEqual({
      name: 'watch pods',
      problem: 'the first list is not complete',
    });
  });

  test('does not wait for what the operator may not list, or the cluster lacks', () => {
    const states = () => [
      watchOf(kinds.horizontalPodAutoscalers, { optional: true, synced: false, lastContactMs: null }),
    ];
    expect(pages({ watches: { states } }).ready()[0]).toEqual({ name: 'watch horizontalpodautoscalers', ...fine });
  });

  test('stays while a watch is stale or NATS is away, and says so', () => {
    const states = () => [watchOf(kinds.pods, { lastContactMs: nowMs - 151_000 })];
    const home = {
      connected: false,
      health: { connected: false, reason: 'refused' },
      accounts: { connected: 0, unreachable: 1 },
    } as const;
    expect(pages({ watches: { states }, home, isLeading: () => false }).ready()).toEqual([
      { name: 'watch pods', ...fine, degraded: 'silent for 151 s' },
      { name: 'nats', ...fine, degraded: 'refused' },
      { name: 'standby', ...fine },
    ]);
  });
});

describe('metrics', () => {
  const figures = async (page: ReturnType<typeof pages>): Promise<string[]> =>
    (await page.metrics()).text
      .split('\n')
      .filter((line) => /^distillery_(queue|nats_(connected|accounts)|leader|watch|slots|credentials)/.test(line));

  test('are read at each scrape', async () => {
    expect(await figures(pages())).toEqual([
      'distillery_leader 1',
      'distillery_queue_depth 3',
      'distillery_queue_oldest_seconds 1.5',
      'distillery_watch_staleness_seconds{resource="pods"} 0',
      'distillery_watch_staleness_seconds{resource="nodes"} 0',
      'distillery_watch_lists_total{resource="pods"} 1',
      'distillery_watch_lists_total{resource="nodes"} 1',
      'distillery_watch_interruptions_total{resource="pods"} 2',
      'distillery_watch_interruptions_total{resource="nodes"} 2',
      'distillery_credentials_expiry_timestamp_seconds{credentials="nats-system"} 1800000000',
      'distillery_nats_connected 1',
      'distillery_nats_accounts{state="connected"} 2',
      'distillery_nats_accounts{state="unreachable"} 1',
      'distillery_slots_free{resource="nvidia.com/gpu"} 8',
      'distillery_slots_reserved{resource="nvidia.com/gpu"} 2',
      'distillery_slots_granted{resource="nvidia.com/gpu"} 5',
      'distillery_slots_pending{resource="nvidia.com/gpu"} 3',
    ]);
  });

  test('of several watches of a resource are the stalest one and the sums, and do not grow from scrape to scrape', async () => {
    const states = () => [
      watchOf(kinds.jobs, { lastContactMs: nowMs - 4_000 }),
      watchOf(kinds.jobs, { lastContactMs: nowMs - 9_000 }),
    ];
    const page = pages({ watches: { states } });
    await page.metrics();
    expect((await figures(page)).filter((line) => line.includes('watch'))).toEqual([
      'distillery_watch_staleness_seconds{resource="jobs"} 9',
      'distillery_watch_lists_total{resource="jobs"} 2',
      'distillery_watch_interruptions_total{resource="jobs"} 4',
    ]);
  });
});
