/**
 * Events on a DistillJob, so that `kubectl describe` tells its story. Told in the background: an event that cannot be
 * recorded is logged, and holds up nobody.
 *
 * Invariants:
 *  V1 The same word about the same job is one object whose count grows, however often it is said.
 *  V2 Memory and requests are bounded: a job that never comes to rest tells no more than its allowance.
 */
import { apiVersion, type EventClaim, kind } from '../../api/index.js';
import type { Clock } from '../../lib/clock.js';
import type { JobKey } from '../port.js';

import type { ApiClient } from './client.js';
import { ApiError } from './errors.js';
import { kinds } from './kinds.js';

export interface EventRecorderOptions {
  readonly client: Pick<ApiClient, 'create' | 'patch'>;
  readonly clock: Clock;
  readonly hash: (text: string) => string;
  /** Shown as who reported. */
  readonly instance: string;
  readonly failed: (key: JobKey, event: EventClaim, error: unknown) => void;
}

interface Told {
  readonly name: string;
  readonly firstTimestamp: string;
  count: number;
}

interface Allowance {
  tokens: number;
  atMs: number;
}

/** After client-go's: 25 at once, then one every five minutes. */
const burst = 25;
const refillMs = 300_000;
const rememberedEvents = 4_096;
const rememberedJobs = 4_096;
const component = 'distillery-operator';

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #told = new Map<string, Told>();
  readonly #allowances = new Map<string, Allowance>();
  /** One after the other, so that a story keeps its order. */
  #tail: Promise<void> = Promise.resolve();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  record(key: JobKey, events: readonly EventClaim[]): void {
    for (const event of events) {
      if (!this.#allowed(key.uid)) continue;
      this.#tail = this.#tail.then(() =>
        this.#write(key, event).catch((error: unknown) => this.#options.failed(key, event, error)),
      );
    }
  }

  /** Resolves when what was told so far is recorded or has failed. */
  async flush(): Promise<void> {
    await this.#tail;
  }

  async #write(key: JobKey, event: EventClaim): Promise<void> {
    const { client, clock, hash } = this.#options;
    const now = new Date(clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const id = hash(JSON.stringify([key.uid, event]));
    const told = this.#told.get(id);
    if (told !== undefined) {
      told.count += 1;
      try {
        await client.patch(kinds.events, key.namespace, told.name, { count: told.count, lastTimestamp: now });
        return;
      } catch (error) {
        // Events live for an hour: this one is told anew.
        if (!(error instanceof ApiError) || error.kind !== 'notFound') throw error;
      }
    }
    const name = `${key.name.slice(0, 40)}.${id.slice(0, 12)}.${Math.trunc(clock.now()).toString(36)}`;
    await client.create(this.#object(key, event, name, now));
    remember(this.#told, id, { name, firstTimestamp: now, count: 1 }, rememberedEvents);
  }

  #object({ namespace, name: job, uid }: JobKey, event: EventClaim, name: string, now: string) {
    return {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { namespace, name },
      involvedObject: { apiVersion, kind, namespace, name: job, uid },
      ...event,
      firstTimestamp: now,
      lastTimestamp: now,
      count: 1,
      source: { component },
      reportingComponent: component,
      reportingInstance: this.#options.instance,
    };
  }

  /** V2 */
  #allowed(uid: string): boolean {
    const nowMs = this.#options.clock.now();
    const before = this.#allowances.get(uid) ?? { tokens: burst, atMs: nowMs };
    const tokens = Math.min(burst, before.tokens + (nowMs - before.atMs) / refillMs);
    const allowed = tokens >= 1;
    remember(this.#allowances, uid, { tokens: allowed ? tokens - 1 : tokens, atMs: nowMs }, rememberedJobs);
    return allowed;
  }
}

/** The longest known goes first. */
function remember<T>(map: Map<string, T>, key: string, value: T, most: number): void {
  map.delete(key);
  map.set(key, value);
  const [oldest] = map.keys();
  if (map.size > most && oldest !== undefined) map.delete(oldest);
}
