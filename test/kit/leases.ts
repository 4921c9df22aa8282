/**
 * The honest fake of one Lease in an API server, behind a network with late requests, late responses, lost responses,
 * errors and silence. A request takes effect at one instant, after any delay.
 */
import type { Clock } from '@distillery/base';

import type { LeaseRecord, Leases, LeaseWrite, StoredLease } from '../../src/controller/index.js';

/** The fate of one request. */
export interface Fate {
  /** Delay until it takes effect at the server. */
  readonly thereMs: number;
  /** Delay from then until its response arrives. */
  readonly backMs: number;
  /** lost: it takes effect, and its response never arrives. silent: it never arrives, and there is no response. */
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

  /** One candidate's connection to the store; `fate` decides each request. */
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
