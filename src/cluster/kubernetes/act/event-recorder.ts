/**
 * Events on a DistillJob, so that `kubectl describe` tells its story. They are written in the background, one after the
 * other: an event that cannot be written is reported and blocks nothing.
 *
 * Invariants:
 *  event-recorder/V1 Equal events of a job are one object with a growing count, also across restarts of the operator:
 *     the name of the object is derived from the event. The API server deletes it an hour after the last update.
 *  event-recorder/V2 Memory and requests are bounded: repeated events of a job pass at a slow rate, and never keep it
 *     from reporting something else.
 */
import { type Clock, RecentMap } from '@distillery/base';

import { apiVersion, type EventDraft, kind, kubernetesTime } from '../../../api/index.js';
import type { JobKey } from '../../../controller/index.js';

import { type ApiClient, ApiError, apiVersionOf } from '../api/index.js';
import { kinds } from '../cache/index.js';

export type EventOutcome =
  /** A new object. */
  | { readonly kind: 'created' }
  /** The count of an existing object grew. */
  | { readonly kind: 'counted' }
  /** Over the rate limit of the job, or over the length of the queue (event-recorder/V2). */
  | { readonly kind: 'dropped' }
  | { readonly kind: 'failed'; readonly error: unknown };

export interface EventRecorderOptions {
  readonly client: Pick<ApiClient, 'create' | 'patch'>;
  readonly clock: Clock;
  /** 16 or more hexadecimal digits that differ for different texts. */
  readonly hash: (text: string) => string;
  /** Shown as the reporting instance. */
  readonly instance: string;
  /** Called with the outcome of every event; must not throw. */
  readonly report: (outcome: EventOutcome, key: JobKey, event: EventDraft) => void;
}

interface Allowance {
  readonly tokens: number;
  readonly atMs: number;
}

/** Rate limit for one reason of one job, after client-go's spam filter: ten at once, then one every five minutes. */
const burst = 10;
const refillMs = 300_000;
const rememberedAllowances = 16_384;
const rememberedEvents = 4_096;
/** Maximum length of the queue. */
const mostWaiting = 1_024;
const component = 'distillery-operator';
/** Shown by `kubectl get events` as the reporting controller. */
const reporter = 'distillery.dev/operator';

export class EventRecorder {
  readonly #options: EventRecorderOptions;
  /** Count of each event, as far as this process knows. */
  readonly #counts = new RecentMap<string, number>(rememberedEvents);
  readonly #allowances = new RecentMap<string, Allowance>(rememberedAllowances);
  #waiting = 0;
  /** One write after the other keeps the order of events. */
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
        const outcome = await this.#write(key, event, atMs);
        this.#waiting -= 1;
        report(outcome, key, event);
      });
    }
  }

  /** Resolves when every event so far is written or has failed, or after `limitMs`. */
  async flush(limitMs: number): Promise<void> {
    const over = new AbortController();
    await Promise.race([this.#tail, this.#options.clock.sleep(limitMs, over.signal)]);
    over.abort();
  }

  async #write(key: JobKey, event: EventDraft, atMs: number): Promise<EventOutcome> {
    const id = this.#options.hash(JSON.stringify([key.uid, event.type, event.reason, event.message])).slice(0, 16);
    // A job's name has at most 63 characters, an object's 253.
    const name = `${key.name}.${id}`;
    try {
      const count = this.#counts.get(id);
      if (count !== undefined && (await this.#count(key.namespace, name, count + 1, atMs))) {
        this.#counts.set(id, count + 1);
        return { kind: 'counted' };
      }
      const known = await this.#create(key, event, name, atMs);
      this.#counts.set(id, known);
      return { kind: known === 1 ? 'created' : 'counted' };
    } catch (error) {
      return { kind: 'failed', error };
    }
  }

  /** @returns false when the event no longer exists */
  async #count(namespace: string, name: string, count: number, atMs: number): Promise<boolean> {
    try {
      const fields = { count, lastTimestamp: kubernetesTime(atMs) };
      await this.#options.client.patch(kinds.events, namespace, name, fields);
      return true;
    } catch (error) {
      if (error instanceof ApiError && error.reason === 'notFound') return false;
      throw error;
    }
  }

  /** @returns the count by now: above 1 when another process created the object (event-recorder/V1) */
  async #create(key: JobKey, event: EventDraft, name: string, atMs: number): Promise<number> {
    const { client } = this.#options;
    try {
      await client.create(this.#object(key, event, name, atMs));
      return 1;
    } catch (error) {
      if (!(error instanceof ApiError) || error.reason !== 'alreadyExists') throw error;
    }
    // The answer to a patch is the only way to read the count without a right to get events.
    const { count } = await client.patch(kinds.events, key.namespace, name, { lastTimestamp: kubernetesTime(atMs) });
    const known = typeof count === 'number' ? count + 1 : 2;
    await this.#count(key.namespace, name, known, atMs);
    return known;
  }

  #object({ namespace, name: job, uid }: JobKey, { type, reason, message }: EventDraft, name: string, atMs: number) {
    const time = kubernetesTime(atMs);
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

  /** event-recorder/V2 */
  #isAllowed({ uid }: JobKey, { reason }: EventDraft): boolean {
    const id = `${uid}/${reason}`;
    const nowMs = this.#options.clock.now();
    const { tokens, atMs } = this.#allowances.get(id) ?? { tokens: burst, atMs: nowMs };
    // If the machine's clock is set back, no tokens are removed.
    const filled = Math.min(burst, tokens + Math.max(0, nowMs - atMs) / refillMs);
    const isAllowed = filled >= 1;
    this.#allowances.set(id, { tokens: isAllowed ? filled - 1 : filled, atMs: nowMs });
    return isAllowed;
  }
}
