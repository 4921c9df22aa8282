/**
 * List-and-watch: keeps a store equal to what the API server holds of one kind, for as long as it runs, whatever happens
 * to server and network (after client-go's reflector).
 *
 * Invariants:
 *  reflector/R1 Nothing ends the loop but `stop`: not an error of the API, not a throw of a handler or a projection.
 *  reflector/R2 The version to go on from moves only after its event is in the store, so a cut repeats events and loses
 *     none.
 *  reflector/R3 A list is compared with the store: what vanished meanwhile is told as deleted.
 *  reflector/R4 Lists are read as of now, never at an older version, and compared by content: a server that was rolled
 *     back is believed, although it counts versions up from an earlier one and gives the same ones again.
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
  /** The server ends a watch after a time between this and twice this. */
  readonly watchSeconds: number;
  /** Lists anew, at the end of a watch, when the last list is that old, give or take a quarter. */
  readonly relistMs: number;
  readonly firstWaitMs: number;
  readonly longestWaitMs: number;
  /** So long without trouble, and the next wait is the first again. */
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
  /** What the store keeps of an object, as plain JSON; null = nothing. */
  readonly project: (object: StoredObject) => T | null;
  /** The value under which `store.indexed` finds an object. */
  readonly indexBy?: (object: T) => string | null;
  readonly clock: Clock;
  readonly random: Random;
  readonly report?: (report: ReflectorReport) => void;
  readonly timing?: Partial<ReflectorTiming>;
}

/** What a log or a metric may want to know. Must not throw. */
export type ReflectorReport =
  | { readonly kind: 'listed'; readonly objects: number; readonly pages: number; readonly ms: number }
  /** `silent` and `gone` are part of a long life; the rest is trouble. */
  | {
      readonly kind: 'interrupted';
      readonly error: ApiError;
      readonly next: 'list' | 'watch';
      readonly waitMs: number;
    }
  | { readonly kind: 'handlerFailed'; readonly error: unknown }
  /** The object stays in the store as it was before, if it was. */
  | {
      readonly kind: 'projectionFailed';
      readonly error: unknown;
      readonly namespace: string;
      readonly name: string;
    };

export interface ReflectorCounters {
  /** Complete ones. */
  readonly lists: number;
  /** Opened ones. */
  readonly watches: number;
  readonly events: number;
  readonly bookmarks: number;
  readonly interruptions: number;
}

type Handler<T> = (old: T | null, now: T | null) => void;

/** Longest that a server's Retry-After is obeyed. */
const longestRetryAfterMs = 60_000;
/** A watch that ends sooner and without an event counts as a failure. */
const idleWatchMs = 1_000;

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  readonly #timing: ReflectorTiming;
  readonly #store: ObjectStore<T>;
  readonly #backoff: Backoff;
  readonly #handlers: Handler<T>[] = [];
  readonly #listHandlers: ((askedAtMs: number) => void)[] = [];
  readonly #ending = new AbortController();
  readonly #firstList = Promise.withResolvers<undefined>();
  #loop: Promise<void> | null = null;
  #synced = false;
  #current = false;
  #lastContactMs: number | null = null;
  /** The version to watch from. */
  #resourceVersion = '';
  #relistAtMs = 0;
  #counters = { lists: 0, watches: 0, events: 0, bookmarks: 0, interruptions: 0 };

  constructor(options: ReflectorOptions<T>) {
    const timing = { ...reflectorTiming, ...options.timing };
    this.#options = options;
    this.#timing = timing;
    this.#store = new ObjectStore(options.indexBy);
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

  /** True once every object was seen; stays true. */
  get synced(): boolean {
    return this.#synced;
  }

  /**
   * False from trouble until the watch goes on or everything was listed anew: meanwhile the store is what was last seen, of
   * a server whose store may have been put back.
   */
  get current(): boolean {
    return this.#current;
  }

  /** When the API server last gave a sign of life here; null = never. On a quiet watch at most a minute ago. */
  get lastContactMs(): number | null {
    return this.#lastContactMs;
  }

  get counters(): ReflectorCounters {
    return this.#counters;
  }

  /** Resolves when every object was seen; never when it is stopped before. */
  async whenSynced(): Promise<void> {
    await this.#firstList.promise;
  }

  /** Calls back after the store has changed; the objects of the first list come as changes from null. Handlers only enqueue. */
  onChange(handler: Handler<T>): void {
    this.#handlers.push(handler);
  }

  /** Calls back when a list was told to the end, with the time at which it was asked for. */
  onListed(handler: (askedAtMs: number) => void): void {
    this.#listHandlers.push(handler);
  }

  start(): void {
    this.#loop ??= this.#run();
  }

  /** Resolves when no handler is called any more. */
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
    this.#tell(this.#store.keepOnly(seen));
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

  /** @param resumes it follows on a watch, not on a list */
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
            this.#tell(this.#store.delete(event.object.metadata));
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
    this.#tell(this.#store.set(metadata, projected));
  }

  #tell(changes: readonly Change<T>[]): void {
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
