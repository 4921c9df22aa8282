/**
 * Teachers that wait for quota of Kueue: their pods exist behind a scheduling gate and hold nothing. Pure, and without memory: it
 * reads the ages of the pods.
 *
 * Invariants:
 *  quota/T1 A gated teacher is none for the allocation: it takes no slot from another job.
 *  quota/T2 No herd: a pool has at most as many gated teachers as running ones, at least one; after `patienceMs`, one. That one
 *     stays, so that Kueue starts it when there is quota, and nothing is created and deleted in turn.
 */
import type { JobDemand } from './demand.js';
import type { PoolObservation } from '../shapes/index.js';

/** Kueue admits within a second where there is quota. */
const patienceMs = 5_000;

export interface PoolQuota {
  /** Teachers that are not gated. */
  readonly running: number;
  readonly gated: number;
  /** True = Kueue has left one gated for longer than it needs where there is quota. */
  readonly waits: boolean;
  /** The most that the allocation may grant. */
  readonly mostReplicas: number;
}

export function quotaOf({ queue = null, pods }: PoolObservation, nowMs: number): PoolQuota {
  const staying = pods.filter(({ terminating }) => !terminating);
  const held = staying.filter(({ gated }) => gated === true);
  const [gated, running] = [held.length, staying.length - held.length];
  const waits = held.some(({ createdAtMs }) => nowMs - createdAtMs > patienceMs);
  const growth = gated > 0 ? gated : queue === null ? Infinity : Math.max(1, running);
  return { running, gated, waits, mostReplicas: waits ? running : running + growth };
}

/** One teacher beyond the grant stays in the queue while more are wanted (quota/T2). @param replicas granted */
export function inQueue({ waits, running }: PoolQuota, replicas: number, maxReplicas: number, wanted: boolean): 0 | 1 {
  return waits && wanted && replicas >= running && running < maxReplicas ? 1 : 0;
}

/** Whether the teachers that run are too few for the demand; a hold keeps what there is. */
export function wantsMore(demand: JobDemand, pools: readonly (PoolQuota & { readonly name: string })[]): boolean {
  switch (demand.kind) {
    case 'None':
      return false;
    case 'Hold':
      return true;
    case 'Teachers':
      return pools.reduce((sum, { running }) => sum + running, 0) < demand.teachers;
    case 'Rate':
      return pools.reduce((sum, { name, running }) => sum + running * demand.samplesPerSecond(name), 0) < demand.least;
  }
}

/** `1 teacher of pool gpu waits for quota of LocalQueue spare: …`; empty while none waits. */
export function quotaText(pools: readonly PoolObservation[], nowMs: number): string {
  return pools
    .flatMap((pool) => {
      const { waits, gated } = quotaOf(pool, nowMs);
      if (!waits) return [];
      const queue = pool.queue ?? null;
      const said = saidOfQuota(pool);
      const who = gated === 1 ? '1 teacher' : `${String(gated)} teachers`;
      return [
        `${who} of pool ${pool.name} ${gated === 1 ? 'waits' : 'wait'} for quota${queue === null ? '' : ` of LocalQueue ${queue}`}` +
          (said === '' ? '' : `: ${said.replace(/\.$/, '')}`),
      ];
    })
    .join('; ');
}

/** What Kueue says of a gated teacher of the pool; empty when it says nothing. */
export function saidOfQuota({ pods, quotaMessage = '' }: PoolObservation): string {
  return pods.some(({ gated }) => gated === true) ? quotaMessage : '';
}
