/**
 * The share over all jobs, kept up to date: each job tells its claim when it is looked at and is told its grants; whose
 * grants change by what others claim, or by what happens on the nodes, is looked at again.
 *
 * Invariants:
 *  fleet/F1 All grants are of one share: no slot is promised to two jobs.
 *  fleet/F2 A share is made at once, unless the last took long: no more than a tenth of the time is spent on it.
 *  fleet/F3 Nothing but claims is remembered, and every job tells its own again: an operator that starts anew shares
 *     the same.
 *  fleet/F4 A new job is told its grants in its first look, which waits for a share: looks at a thousand new jobs take
 *     their time, and a second look at each would come after the first looks at all others.
 */
import { jsonEqual } from '@distillery/base';
import type { Clock } from '@distillery/base';

import type { JobKey } from './ports.js';
import {
  type FleetSnapshot,
  fleetSnapshotOf,
  type Grant,
  inputOf,
  type JobClaim,
  type PodNeeds,
  type ShareRules,
  shareOut,
  type Slots,
} from '../domain/index.js';

export interface FleetOptions {
  readonly slots: () => Slots;
  readonly rules: ShareRules;
  readonly clock: Clock;
  /** Of this process: how long a share takes is measured by it. */
  readonly monotonicMs: () => number;
  /** These jobs have other grants now. Only enqueues. */
  readonly changed: (uid: string) => void;
  /** Told of every share, in milliseconds that it took. */
  readonly shared?: (ms: number) => void;
}

type Claim = JobClaim<PodNeeds>;

/** fleet/F2: pauses are this many times as long as what they follow. */
const restFactor = 9;

export class Fleet {
  readonly #options: FleetOptions;
  readonly #claims = new Map<string, { readonly key: JobKey; readonly claim: Claim }>();
  #grants: ReadonlyMap<string, readonly Grant[]> = new Map();
  #supply: FleetSnapshot['supply'] = {};
  #stale = true;
  #notBeforeMs = 0;
  #wait: AbortController | null = null;
  /** Resolves with the next share. */
  #next = Promise.withResolvers<undefined>();

  constructor(options: FleetOptions) {
    this.#options = options;
  }

  /**
   * Tells what a job claims. @returns what the last share granted it; for a job that none has seen yet, what the next one
   *   does (fleet/F4)
   */
  async grantsFor(key: JobKey, claim: Claim): Promise<readonly Grant[]> {
    if (!jsonEqual(this.#claims.get(key.uid)?.claim, claim)) {
      this.#claims.set(key.uid, { key, claim });
      this.#stale = true;
    }
    this.#shareSoon(key.uid);
    if (!this.#grants.has(key.uid)) await this.#next.promise;
    return this.#grants.get(key.uid) ?? [];
  }

  /** Nodes or pods changed. */
  slotsChanged(): void {
    this.#stale = true;
    this.#shareSoon(null);
  }

  forget(uid: string): void {
    if (!this.#claims.delete(uid)) return;
    this.slotsChanged();
  }

  /** What the next share would be made from. */
  snapshot(): FleetSnapshot {
    const { slots, rules, clock } = this.#options;
    const claims = [...this.#claims.values()].map(({ key: { namespace, name }, claim }) => {
      return { name: `${namespace}/${name}`, ...claim };
    });
    return fleetSnapshotOf(claims, slots(), rules, clock.now());
  }

  /** Of the last share, by resource. */
  totals(): {
    readonly resource: string;
    readonly free: number;
    readonly reserved: number;
    readonly granted: number;
  }[] {
    const granted = new Map<string, number>();
    for (const [uid, grants] of this.#grants) {
      for (const { resource, name } of this.#claims.get(uid)?.claim.pools ?? []) {
        const slots = grants.find(({ pool }) => pool === name)?.slots ?? 0;
        granted.set(resource, (granted.get(resource) ?? 0) + slots);
      }
    }
    return Object.entries(this.#supply).map(([resource, { freeSlots, reserveSlots }]) => {
      return { resource, free: freeSlots, reserved: reserveSlots, granted: granted.get(resource) ?? 0 };
    });
  }

  /** Nobody waits for a share any more. */
  stop(): void {
    this.#wait?.abort();
    this.#wait = null;
    this.#next.resolve(undefined);
  }

  #shareSoon(asker: string | null): void {
    if (!this.#stale || this.#wait !== null || this.#claims.size === 0) return;
    const { clock, monotonicMs } = this.#options;
    const pauseMs = this.#notBeforeMs - monotonicMs();
    if (pauseMs <= 0) {
      this.#share(asker);
      return;
    }
    const wait = new AbortController();
    this.#wait = wait;
    void clock.sleep(pauseMs, wait.signal).then(() => {
      if (wait.signal.aborted) return;
      this.#wait = null;
      this.#share(null);
    });
  }

  #share(asker: string | null): void {
    const { slots, rules, monotonicMs, changed, shared } = this.#options;
    const startMs = monotonicMs();
    const claims = [...this.#claims.values()].map(({ claim }) => claim);
    const input = inputOf(claims, slots(), rules);
    const before = this.#grants;
    this.#supply = input.supply;
    this.#grants = shareOut(input).grants;
    this.#stale = false;
    const endMs = monotonicMs();
    this.#notBeforeMs = endMs + (endMs - startMs) * restFactor;
    this.#next.resolve(undefined);
    this.#next = Promise.withResolvers();
    shared?.(endMs - startMs);
    for (const [uid, grants] of this.#grants) {
      if (uid !== asker && !jsonEqual(told(before.get(uid)), told(grants))) changed(uid);
    }
  }
}

/** What of a grant asks for a look at its job: the numbers behind it change with every pod of the cluster. */
function told(grants: readonly Grant[] | undefined): unknown {
  return grants?.map(({ replicas, due, leave }) => [replicas, due, leave]);
}
