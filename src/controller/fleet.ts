/**
 * The allocation over all jobs, kept up to date. Each reconcile of a job passes its request and gets its grants; a job whose
 * grants change because of other requests or of the nodes is reconciled again.
 *
 * Invariants:
 *  fleet/F1 All grants come from one allocation: no slot is promised to two jobs.
 *  fleet/F2 An allocation is made at once, unless the last one took long: at most a tenth of the time is spent on them.
 *  fleet/F3 Only requests are remembered, and every job repeats its own: a restarted operator allocates the same.
 *  fleet/F4 A new job gets its grants in its first reconcile. It waits for the end of the pause of F2, a timer of the fleet, and
 *     never for another reconcile. Otherwise, with a thousand new jobs, its second reconcile would come after the first
 *     ones of all others. docs/adr/0034.
 */
import { jsonEqual } from '@distillery/base';
import type { Clock } from '@distillery/base';

import type { JobKey } from './ports.js';
import {
  type FleetSnapshot,
  fleetSnapshotOf,
  type Grant,
  allocationInput,
  type JobRequest,
  type PodNeeds,
  type AllocationRules,
  allocate,
  type ClusterSlots,
} from '../domain/index.js';
import type { Wake } from './wake.js';

export interface FleetOptions {
  readonly slots: () => ClusterSlots;
  readonly rules: AllocationRules;
  readonly clock: Clock;
  /** Monotonic clock of this process, to measure how long an allocation takes. */
  readonly monotonicMs: () => number;
  /** Wakes the jobs whose grants changed. */
  readonly wake: Pick<Wake, 'part'>;
  /** Called after every allocation with its duration in milliseconds. */
  readonly allocated?: (ms: number) => void;
}

type Request = JobRequest<PodNeeds>;

/** fleet/F2: pauses are this many times as long as what they follow. */
const restFactor = 9;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #requests = new Map<string, { readonly key: JobKey; readonly request: Request }>();
  #grants: ReadonlyMap<string, readonly Grant[]> = new Map();
  #supply: FleetSnapshot['supply'] = {};
  #pendingPods: FleetSnapshot['pendingPods'] = [];
  #stale = true;
  #notBeforeMs = 0;
  /** The pause before the next allocation; null when there is none. */
  #pause: { readonly over: Promise<void>; readonly stop: AbortController } | null = null;

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /**
   * Records what a job requests. @returns its grants of the last allocation; for a new job, those of the next one (fleet/F4)
   */
  async grantsFor(key: JobKey, request: Request): Promise<readonly Grant[]> {
    if (!jsonEqual(this.#requests.get(key.uid)?.request, request)) {
      this.#requests.set(key.uid, { key, request });
      this.#stale = true;
    }
    this.#allocateSoon(key.uid);
    if (!this.#grants.has(key.uid)) await this.#pause?.over;
    return this.#grants.get(key.uid) ?? [];
  }

  /** Nodes or pods changed. */
  slotsChanged(): void {
    this.#stale = true;
    this.#allocateSoon(null);
  }

  forget(uid: string): void {
    if (!this.#requests.delete(uid)) return;
    this.slotsChanged();
  }

  /** The input of the next allocation. */
  snapshot(): FleetSnapshot {
    const { slots, rules, clock } = this.#options;
    const requests = [...this.#requests.values()].map(({ key: { namespace, name }, request }) => {
      return { name: `${namespace}/${name}`, ...request };
    });
    return fleetSnapshotOf(requests, slots(), rules, clock.now());
  }

  /** Slots of the last allocation, by resource. */
  totals(): {
    readonly resource: string;
    readonly free: number;
    readonly reserved: number;
    readonly granted: number;
    /** Slots that pending pods of higher priority need. */
    readonly pending: number;
  }[] {
    const granted = new Map<string, number>();
    for (const [uid, grants] of this.#grants) {
      for (const { resource, name } of this.#requests.get(uid)?.request.pools ?? []) {
        const slots = grants.find(({ pool }) => pool === name)?.slots ?? 0;
        granted.set(resource, (granted.get(resource) ?? 0) + slots);
      }
    }
    return Object.entries(this.#supply).map(([resource, { freeSlots, reserveSlots }]) => {
      const pending = this.#pendingPods.reduce((sum, { slots }) => sum + (slots[resource] ?? 0), 0);
      return { resource, free: freeSlots, reserved: reserveSlots, granted: granted.get(resource) ?? 0, pending };
    });
  }

  /** Releases every caller that waits for an allocation. */
  stop(): void {
    this.#pause?.stop.abort();
    this.#pause = null;
  }

  #allocateSoon(asker: string | null): void {
    if (!this.#stale || this.#pause !== null || this.#requests.size === 0) return;
    const { clock, monotonicMs } = this.#options;
    const pauseMs = this.#notBeforeMs - monotonicMs();
    if (pauseMs <= 0) {
      this.#allocate(asker);
      return;
    }
    const stop = new AbortController();
    const over = clock.sleep(pauseMs, stop.signal).then(() => {
      if (stop.signal.aborted) return;
      this.#pause = null;
      this.#allocate(null);
    });
    this.#pause = { over, stop };
  }

  #allocate(asker: string | null): void {
    const { slots, rules, monotonicMs, wake, allocated } = this.#options;
    const startMs = monotonicMs();
    const requests = [...this.#requests.values()].map(({ request }) => request);
    const input = allocationInput(requests, slots(), rules);
    const before = this.#grants;
    this.#supply = input.supply;
    this.#pendingPods = input.pendingPods;
    this.#grants = allocate(input).grants;
    this.#stale = false;
    const endMs = monotonicMs();
    this.#notBeforeMs = endMs + (endMs - startMs) * restFactor;
    allocated?.(endMs - startMs);
    for (const [uid, grants] of this.#grants) {
      if (uid !== asker && !jsonEqual(urgentPart(before.get(uid)), urgentPart(grants))) wake.part(uid);
    }
  }
}

/** The part of a grant whose change requires a reconcile. The numbers behind it change with every pod of the cluster. */
function urgentPart(grants: readonly Grant[] | undefined): unknown {
  return grants?.map(({ replicas, due, leave }) => [replicas, due, leave]);
}
