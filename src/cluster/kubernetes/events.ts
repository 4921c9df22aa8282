/**
 * Events on a DistillJob, so that `kubectl describe` tells its story. Told in the background, one after the other: an
 * event that cannot be recorded is reported, and holds up nobody.
 *
 * Invariants:
 *  events/V1 The same word about the same job is one object whose count grows, also over a restart of the operator: the
 *     object's name follows from what is said. The API server forgets it an hour after it was said last.
 *  events/V2 Memory and requests are bounded: what a job says again and again is let through at a slow rate, and never
 *     keeps it from saying something else.
 */
import type { Clock } from '@distillery/base';

import { apiVersion, type EventDraft, kind } from '../../api/index.js';
import type { JobKey } from '../index.js';

import type { ApiClient } from './client.js';
import { ApiError } from './errors.js';
import { apiVersionOf, kinds } from './kinds.js';
import { remember } from './remember.js';

export type EventOutcome =
  /** A new object. */
  | { readonly kind: 'created' }
  /** One more of the same. */
  | { readonly kind: 'counted' }
  /** Beyond what a job may say, or what waits to be told (events/V2). */
  | { readonly kind: 'dropped' }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface EventRecorderOptions {
  readonly client: Pick<ApiClient, 'create' | 'patch'>;
  readonly clock: Clock;
  /** 16 or more hexadecimal digits that differ for different texts. */
  readonly hash: (text: string) => string;
  /** Shown as who reported. */
  readonly instance: string;
  /** Told of every event what became of it; must not throw. */
  readonly report: (outcome: EventOutcome, key: JobKey, event: EventDraft) => void;
}

interface Allowance {
  readonly tokens: number;
  readonly atMs: number;
}

/** Of one reason of one job, after client-go's spam filter: so many at once, then one every five minutes. */
const burst = 10;
const refillMs = 300_000;
const rememberedAllowances = 16_384;
const rememberedEvents = 4_096;
/** Events that wait to be told. */
const mostWaiting = 1_024;
const component = 'distillery-operator';
/** As `kubectl get events` shows it: reporting controller. */
const reporter = 'distillery.dev/operator';

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  /** How often each event was told, as far as this process knows. */
  readonly #counts = new Map<string, number>();
  readonly #allowances = new Map<string, Allowance>();
  #waiting = 0;
  /** One after the other, so that a story keeps its order. */
  #tail: Promise<void> = Promise.resolve();

  constructor(options: EventRecorderOptions) {
    this.#options = options;
  }

  /** Returns at once; never throws. */
  record(key: JobKey, events: readonly EventDraft[]): void {
    const { clock, report } = this.#options;
    for (const event of events) {
      if (this.#waiting >= mostWaiting || !this.#isAllowed(key, event)) {
        report({ kind: 'dropped' }, key, event);
        continue;
      }
      const atMs = clock.now();
      this.#waiting += 1;
      this.#tail = this.#tail.then(async () => {
        const outcome = await this.#tell(key, event, atMs);
        this.#waiting -= 1;
        report(outcome, key, event);
      });
    }
  }

  /** Resolves when everything said so far is told or has failed, or when the time is over. */
  async flush(limitMs: number): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.#tail, this.#options.clock.sleep(limitMs, over.signal)]);
    over.abort();
  }

  async #tell(key: JobKey, event: EventDraft, atMs: number): Promise<EventOutcome> {
    const id = this.#options.hash(JSON.stringify([key.uid, event.type, event.reason, event.message])).slice(0, 16);
    // A job's name has at most 63 characters, an object's 253.
    const name = `${key.name}.${id}`;
    try {
      const count = this.#counts.get(id);
      if (count !== undefined && (await this.#count(key.namespace, name, count + 1, atMs))) {
        remember(this.#counts, id, count + 1, rememberedEvents);
        return { kind: 'counted' };
      }
      const known = await this.#create(key, event, name, atMs);
      remember(this.#counts, id, known, rememberedEvents);
      return { kind: known === 1 ? 'created' : 'counted' };
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  /** @returns false when the event is not there any more */
  async #count(namespace: string, name: string, count: number, atMs: number): Promise<boolean> {
    try {
      const fields = { count, lastTimestamp: timeOf(atMs) };
      await this.#options.client.patch(kinds.events, namespace, name, fields);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'notFound') return false;
      throw error;
    }
  }

  /** @returns how often it was told by now: more than once when another process began (events/V1) */
  async #create(key: JobKey, event: EventDraft, name: string, atMs: number): Promise<number> {
    const { client } = this.#options;
    try {
      await client.create(this.#object(key, event, name, atMs));
      return 1;
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== 'alreadyExists') throw error;
    }
    // What a patch answers is the only way to the count without a right to read events.
    const { count } = await client.patch(kinds.events, key.namespace, name, { lastTimestamp: timeOf(atMs) });
    const known = typeof count === 'number' ? count + 1 : 2;
    await this.#count(key.namespace, name, known, atMs);
    return known;
  }

  #object({ namespace, name: job, uid }: JobKey, { type, reason, message }: EventDraft, name: string, atMs: number) {
    const time = timeOf(atMs);
    return {
      apiVersion: apiVersionOf(kinds.events),
      kind: kinds.events.kind,
      metadata: { namespace, name },
      involvedObject: { apiVersion, kind, namespace, name: job, uid },
      type,
      reason,
      message,
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
      source: { component },
      reportingComponent: reporter,
      reportingInstance: this.#options.instance,
    };
  }

  /** events/V2 */
  #isAllowed({ uid }: JobKey, { reason }: EventDraft): boolean {
    const id = `${uid}/${reason}`;
    const nowMs = this.#options.clock.now();
    const { tokens, atMs } = this.#allowances.get(id) ?? { tokens: burst, atMs: nowMs };
    // The machine's clock may be set back: that takes no tokens.
    const filled = Math.min(burst, tokens + Math.max(0, nowMs - atMs) / refillMs);
    const isAllowed = filled >= 1;
    remember(this.#allowances, id, { tokens: isAllowed ? filled - 1 : filled, atMs: nowMs }, rememberedAllowances);
    return isAllowed;
  }
}

/** A metav1.Time: whole seconds. */
function timeOf(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d+Z$/, 'Z');
}
