/**
 * What the operator's HTTP pages say at the moment of a request: gauges from the watches, the fleet, the queue and NATS, and
 * the checks of /readyz. A part of the composition root.
 */
import type { Clock } from '@distillery/base';

import type { WatchState } from '../cluster/kubernetes/index.js';
import type { JobQueue, RunningEngine } from '../controller/index.js';
import type { StreamHome } from '../stream/index.js';
import type { Check, HealthPages, Metrics } from '../telemetry/index.js';

export interface Scraped {
  readonly metrics: Metrics;
  readonly clock: Clock;
  readonly queue: Pick<JobQueue, 'depth' | 'oldestMs'>;
  readonly home: Pick<StreamHome, 'connected' | 'health' | 'accounts'>;
  readonly watches: { states(): readonly WatchState[] };
  /** A watch that has been silent for longer is reported as degraded. */
  readonly staleMs: number;
  readonly isLeading: () => boolean;
  /** By resource; empty in a process that does not lead. */
  readonly fleetTotals: () => ReturnType<RunningEngine['fleet']['totals']>;
  /** End of the operator's credentials by their name, in seconds since 1970; without those that have no end. */
  readonly expiries: () => ReadonlyMap<string, number>;
}

export function healthPages(scraped: Scraped): HealthPages {
  const { metrics, isLeading } = scraped;
  return {
    live: () => [{ name: 'process', problem: null }],
    ready: () => [
      ...watchChecks(scraped),
      streamCheck(scraped),
      { name: isLeading() ? 'leader' : 'standby', problem: null },
    ],
    metrics: async () => {
      setGauges(scraped);
      setWatchMetrics(scraped);
      setSlotGauges(scraped);
      setExpiryGauges(scraped);
      return { contentType: metrics.registry.contentType, text: await metrics.registry.metrics() };
    },
  };
}

/** Milliseconds since the API server last sent anything on a watch; 0 before its first answer. */
function silentMs({ lastContactMs }: Pick<WatchState, 'lastContactMs'>, clock: Clock): number {
  return lastContactMs === null ? 0 : clock.now() - lastContactMs;
}

function watchChecks({ watches, staleMs, clock }: Scraped): Check[] {
  return watches.states().map((state) => {
    const { kind, namespace } = state;
    const name = `watch ${kind.plural}${namespace === undefined ? '' : ` in ${namespace}`}`;
    if (!state.synced && state.optional) return { name, problem: null };
    if (!state.synced) return { name, problem: 'the first list is not complete' };
    const ms = silentMs(state, clock);
    const stale = ms > staleMs ? { degraded: `silent for ${String(Math.round(ms / 1_000))} s` } : {};
    return { name, problem: null, ...stale };
  });
}

/** Never a problem: without NATS no new decision is made, but running jobs continue, and a restart would not help. */
function streamCheck({ home: { health } }: Scraped): Check {
  return { name: 'nats', problem: null, ...(health.connected ? {} : { degraded: health.reason }) };
}

function setGauges({ metrics, queue, home, isLeading }: Scraped): void {
  metrics.queueDepth.set(queue.depth);
  metrics.queueAge.set(queue.oldestMs / 1_000);
  metrics.natsConnected.set(home.connected ? 1 : 0);
  for (const [state, count] of Object.entries(home.accounts)) metrics.natsAccounts.set({ state }, count);
  metrics.leader.set(isLeading() ? 1 : 0);
}

/** With a list of namespaces a resource has several watches: staleness is that of the stalest one, counts are sums. */
function setWatchMetrics({ metrics, watches, clock }: Scraped): void {
  for (const metric of [metrics.watchStaleness, metrics.watchLists, metrics.watchInterruptions]) metric.reset();
  const stalest = new Map<string, number>();
  for (const state of watches.states()) {
    const resource = state.kind.plural;
    stalest.set(resource, Math.max(stalest.get(resource) ?? 0, silentMs(state, clock)));
    metrics.watchLists.inc({ resource }, state.counters.lists);
    metrics.watchInterruptions.inc({ resource }, state.counters.interruptions);
  }
  for (const [resource, ms] of stalest) metrics.watchStaleness.set({ resource }, ms / 1_000);
}

function setSlotGauges({ metrics, fleetTotals }: Scraped): void {
  const { slotsFree, slotsReserved, slotsGranted, slotsPending } = metrics;
  for (const metric of [slotsFree, slotsReserved, slotsGranted, slotsPending]) metric.reset();
  for (const { resource, free, reserved, granted, pending } of fleetTotals()) {
    slotsFree.set({ resource }, free);
    slotsReserved.set({ resource }, reserved);
    slotsGranted.set({ resource }, granted);
    slotsPending.set({ resource }, pending);
  }
}

function setExpiryGauges({ metrics, expiries }: Scraped): void {
  metrics.credentialsExpiry.reset();
  for (const [credentials, seconds] of expiries()) metrics.credentialsExpiry.set({ credentials }, seconds);
}
