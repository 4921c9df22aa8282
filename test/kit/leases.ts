/**
 * The honest fake of one Lease in an API server, and the ways in which a network makes it seem otherwise: late requests,
 * late answers, lost answers, errors, silence. A request takes effect at one instant, after any delay.
 */
import type { Clock } from '@distillery/base';

import type { LeaseRecord, Leases, LeaseWrite, StoredLease } from '../../src/controller/index.js';

/** What becomes of one request. */
export interface Fate {
  /** Until it takes effect at the server. */
  readonly thereMs: number;
  /** Until its answer is heard, after that. */
  readonly backMs: number;
  /** lost: it takes effect, and no answer ever comes. silent: it never arrives, and no answer comes. */
  readonly ending: 'answered' | 'error before' | 'error after' | 'lost' | 'silent';
}

export const swift: Fate = { thereMs: 1, backMs: 1, ending: 'answered' };

export class FakeLeaseStore {
  lease: StoredLease | null = null;
  /** Everything written, in order. */
  readonly history: StoredLease[] = [];
  #version = 0;

  put(record: LeaseRecord): StoredLease {
    this.lease = { ...record, resourceVersion: String(++this.#version) };
    this.history.push(this.lease);
    return this.lease;
  }

  delete(): void {
    this.lease = null;
  }

  /** One candidate's way to the store; `fate` is asked for every request. */
  client(clock: Clock, fate: () => Fate): Leases {
    const send = async <T>(effect: () => T): Promise<T> => {
      const { thereMs, backMs, ending } = fate();
      if (thereMs > 0) await clock.sleep(thereMs);
      if (ending === 'error before') throw new Error('503 before');
      if (ending === 'silent') return new Promise<T>(() => undefined);
      const result = effect();
      if (backMs > 0) await clock.sleep(backMs);
      if (ending === 'error after') throw new Error('503 after');
      if (ending === 'lost') return new Promise<T>(() => undefined);
      return result;
    };
    const written = (record: LeaseRecord): LeaseWrite => ({ kind: 'written', lease: this.put(record) });
    return {
      get: () => send(() => this.lease),
      create: (record) => send(() => (this.lease === null ? written(record) : { kind: 'refused' })),
      replace: (lease) =>
        send(() => (this.lease?.resourceVersion === lease.resourceVersion ? written(lease) : { kind: 'refused' })),
    };
  }
}
