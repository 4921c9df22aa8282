/**
 * List-and-watch: keeps a store equal to what the API server holds of one kind, whatever happens to server and network
 * (after client-go's reflector).
 *
 * Invariants:
 *  reflector/R1 Only `stop` ends the loop: no error of the API, and no throw of a handler or a projection does.
 *  reflector/R2 The version to resume from advances only after its event is in the store, so a cut repeats events and
 *     loses none.
 *  reflector/R3 A list is compared with the store: objects that vanished meanwhile are reported as deleted.
 *  reflector/R4 Lists read the latest state and are compared by content: a server whose store was restored from a
 *     backup is believed, although it counts versions up from an earlier one and assigns the same ones again.
 */
import type { Clock, Random } from '@distillery/base';

import { Backoff } from './backoff.js';
import {
  type ApiClient,
  type ApiError,
  errorOfFailure,
  type ResourceKind,
  type StoredMetadata,
  type StoredObject,
} from '../api/index.js';
import { type Ended, nextMove, resumeWithinMs } from './next-move.js';
import { type Change, ObjectStore, type Store } from './store.js';

export interface ReflectorTiming {
  readonly pageSize: number;
  /** The server ends a watch after one to two times this. */
  readonly watchSeconds: number;
  /** Lists again at the end of a watch when the last list is older than this, plus or minus a quarter. */
  readonly relistMs: number;
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** After this time without a failure, the next wait is the first again. */
  readonly healthyMs: number;
}

const reflectorTiming: ReflectorTiming = {
  pageSize: 500,
  watchSeconds: 300,
  relistMs: 30 * 60_000,
  firstWaitMs: 200,
  longestWaitMs: 30_000,
  healthyMs: 10_000,
};

export interface ReflectorOptions<T> {
  readonly client: Pick<ApiClient, 'list' | 'watch'>;
  readonly kind: ResourceKind;
  /** Absent = all namespaces. */
  readonly namespace?: string | undefined;
  readonly labelSelector?: string | undefined;
  /** The part of an object that the store keeps, as plain JSON; null = nothing. */
  readonly project: (object: StoredObject) => T | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly report?: (report: ReflectorReport) => void;
  readonly timing?: Partial<ReflectorTiming>;
}

/** Reports for logs and metrics. */
export type ReflectorReport =
  | { readonly kind: 'listed'; readonly objects: number; readonly pages: number; readonly ms: number }
  /** `silent` and `gone` are normal on a long-lived watch; other reasons are failures. */
  | {
      readonly kind: 'interrupted';
      readonly error: ApiError;
      readonly next: 'list' | 'watch';
      readonly waitMs: number;
    }
  | { readonly kind: 'handlerFailed'; readonly error: unknown }
  /** The store keeps the previous state of the object, if there is one. */
  | {
      readonly kind: 'projectionFailed';
      readonly error: unknown;
      readonly namespace: string;
      readonly name: string;
    };

export interface ReflectorCounters {
  /** Completed lists. */
  readonly lists: number;
  /** Opened watches. */
  readonly watches: number;
  readonly events: number;
  readonly bookmarks: number;
  readonly interruptions: number;
}

type Handler<T> = (old: T | null, now: T | null) => void;

/** Upper limit for a server's Retry-After. */
const longestRetryAfterMs = 60_000;
/** A watch that ends sooner and without an event counts as a failure. */
const idleWatchMs = 1_000;

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #timing: ReflectorTiming;
  readonly #store = new ObjectStore<T>();
  readonly #backoff: Backoff;
  readonly #handlers: Handler<T>[] = [];
  readonly #listHandlers: ((askedAtMs: number) => void)[] = [];
  readonly #ending = new AbortController();
  readonly #firstList = Promise.withResolvers<undefined>();
  #loop: Promise<void> | null = null;
  #synced = false;
  #current = false;
  #lastContactMs: number | null = null;
  /** The version that the next watch starts from. */
  #resourceVersion = '';
  #relistAtMs = 0;
  #counters = { lists: 0, watches: 0, events: 0, bookmarks: 0, interruptions: 0 };

  constructor(options: ReflectorOptions<T>) {
    const timing = { ...reflectorTiming, ...options.timing };
    this.#options = options;
    this.#timing = timing;
    this.#backoff = new Backoff({
      firstMs: timing.firstWaitMs,
      longestMs: timing.longestWaitMs,
      healthyMs: timing.healthyMs,
      random: options.random,
    });
  }

  get store(): Store<T> {
    return this.#store;
  }

  /** True after the first complete list; stays true. */
  get synced(): boolean {
    return this.#synced;
  }

  /**
   * False from a failure until the watch is resumed or a list is complete: meanwhile the store holds the last known
   * state of a server whose own store may have been restored from a backup.
   */
  get current(): boolean {
    return this.#current;
  }

  /** Time of the last data from the API server; null = never. On a quiet watch at most a minute ago. */
  get lastContactMs(): number | null {
    return this.#lastContactMs;
  }

  get counters(): ReflectorCounters {
    return this.#counters;
  }

  /** Resolves after the first complete list; never if it is stopped before. */
  async whenSynced(): Promise<void> {
    await this.#firstList.promise;
  }

  /**
   * Calls back after the store has changed; the objects of the first list are changes from null. Handlers must only
   * enqueue.
   */
  onChange(handler: Handler<T>): void {
    this.#handlers.push(handler);
  }

  /** Calls back after all changes of a list were reported, with the time at which the list was requested. */
  onListed(handler: (askedAtMs: number) => void): void {
    this.#listHandlers.push(handler);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Resolves after the last call of a handler. */
  async stop(): Promise<void> {
    this.#ending.abort();
    await this.#loop;
  }

  async #run(): Promise<void> {
    const { clock, report } = this.#options;
    let next: 'list' | 'watch' = 'list';
    let resumes = false;
    while (!this.#stopping()) {
      const ended: Ended = next === 'list' ? await this.#list() : await this.#watch(resumes);
      if (this.#stopping()) return;
      const move = nextMove(ended, clock.now() >= this.#relistAtMs);
      next = move.next;
      resumes = ended.kind !== 'listed';
      const waitMs = move.wait === 'none' ? 0 : Math.max(this.#backoff.next(clock.now()), askedWaitMs(ended));
      if (ended.kind === 'failed' || ended.kind === 'late') this.#current = false;
      if (ended.kind === 'failed') {
        this.#counters.interruptions += 1;
        report?.({ kind: 'interrupted', error: ended.error, next, waitMs });
      }
      if (waitMs > 0) await clock.sleep(waitMs, this.#ending.signal);
    }
  }

  #stopping(): boolean {
    return this.#ending.signal.aborted;
  }

  async #list(): Promise<Ended> {
    const { client, kind, namespace, labelSelector, clock, random, report } = this.#options;
    const startMs = clock.now();
    const seen: Pick<StoredMetadata, 'namespace' | 'name'>[] = [];
    let continueToken: string | null = null;
    let resourceVersion: string;
    let pages = 0;
    try {
      do {
        const page = await client.list(kind, {
          namespace,
          labelSelector,
          limit: this.#timing.pageSize,
          continueToken,
          signal: this.#ending.signal,
        });
        if (this.#stopping()) return { kind: 'listed' };
        this.#lastContactMs = clock.now();
        pages += 1;
        for (const object of page.items) {
          const { namespace: within, name } = object.metadata;
          seen.push({ namespace: within, name });
          this.#set(object);
        }
        ({ resourceVersion, continueToken } = page);
      } while (continueToken !== null);
    } catch (error) {
      return { kind: 'failed', during: 'list', error: errorOfFailure(`list ${kind.plural}`, error) };
    }
    this.#notify(this.#store.keepOnly(seen));
    this.#resourceVersion = resourceVersion;
    this.#relistAtMs = clock.now() + this.#timing.relistMs * (0.75 + 0.5 * random.unit());
    this.#counters.lists += 1;
    this.#synced = true;
    this.#safely(() => this.#listHandlers.forEach((handler) => handler(startMs)));
    this.#current = true;
    this.#firstList.resolve(undefined);
    report?.({ kind: 'listed', objects: seen.length, pages, ms: clock.now() - startMs });
    return { kind: 'listed' };
  }

  /** @param resumes true after a watch, false after a list */
  async #watch(resumes: boolean): Promise<Ended> {
    const { client, kind, namespace, labelSelector, clock, random } = this.#options;
    const startMs = clock.now();
    const eventsBefore = this.#counters.events;
    let during: 'open' | 'stream' = 'open';
    try {
      const events = client.watch(kind, {
        namespace,
        labelSelector,
        resourceVersion: this.#resourceVersion,
        timeoutSeconds: Math.floor(this.#timing.watchSeconds * (1 + random.unit())),
        signal: this.#ending.signal,
      });
      for await (const event of events) {
        if (this.#stopping()) break;
        const sinceContactMs = clock.now() - (this.#lastContactMs ?? 0);
        this.#lastContactMs = clock.now();
        switch (event.type) {
          case 'opened':
            if (resumes && sinceContactMs > resumeWithinMs) return { kind: 'late' };
            during = 'stream';
            this.#current = true;
            this.#counters.watches += 1;
            break;
          case 'set':
            this.#counters.events += 1;
            this.#set(event.object);
            this.#resourceVersion = event.object.metadata.resourceVersion;
            break;
          case 'deleted':
            this.#counters.events += 1;
            this.#notify(this.#store.delete(event.object.metadata));
            this.#resourceVersion = event.object.metadata.resourceVersion;
            break;
          case 'bookmark':
            this.#counters.bookmarks += 1;
            this.#resourceVersion = event.resourceVersion;
            break;
          default:
            event satisfies never;
        }
      }
    } catch (error) {
      return { kind: 'failed', during, error: errorOfFailure(`watch ${kind.plural}`, error) };
    }
    this.#lastContactMs = clock.now();
    const idle = this.#counters.events === eventsBefore && clock.now() - startMs < idleWatchMs;
    return { kind: 'closed', idle };
  }

  #set(object: StoredObject): void {
    const { metadata } = object;
    let projected: T | null;
    try {
      projected = this.#options.project(object);
    } catch (error) {
      const { namespace, name } = metadata;
      this.#options.report?.({ kind: 'projectionFailed', error, namespace, name });
      return;
    }
    this.#notify(this.#store.set(metadata, projected));
  }

  #notify(changes: readonly Change<T>[]): void {
    for (const change of changes) {
      for (const handler of this.#handlers) this.#safely(() => handler(change.old, change.now));
    }
  }

  /** reflector/R1 */
  #safely(handle: () => void): void {
    try {
      handle();
    } catch (error) {
      this.#options.report?.({ kind: 'handlerFailed', error });
    }
  }
}

function askedWaitMs(ended: Ended): number {
  return ended.kind === 'failed' ? Math.min(longestRetryAfterMs, ended.error.retryAfterMs ?? 0) : 0;
}
