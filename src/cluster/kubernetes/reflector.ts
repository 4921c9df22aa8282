/**
 * Keeps a copy of all objects of one kind by list and watch, after client-go's reflector (docs/adr/0008 says why ours).
 *
 * Invariants:
 *  R1 Whatever is cut, delayed or answered wrong, the copy comes to equal what is stored: a watch goes on where it broke
 *     off; when it cannot, everything is listed anew and compared.
 *  R2 Every difference is told exactly once, in the order in which it was seen, as (before, after); a list that finds an
 *     object gone tells of that, too.
 *  R3 What a handler throws ends nothing.
 *  R4 Only the projection of an object is held.
 */
import type { Clock } from '../../lib/clock.js';

import type { ApiClient, Selection, StoredObject } from './client.js';
import { ApiError } from './errors.js';
import type { ResourceKind } from './kinds.js';

export interface ReflectorOptions<T> {
  readonly client: Pick<ApiClient, 'list' | 'watch'>;
  readonly kind: ResourceKind;
  readonly selection: Selection;
  /** What is held of an object; null = it is of no interest. Must not throw. */
  readonly project: (object: StoredObject) => T | null;
  readonly changed: (before: T | null, after: T | null) => void;
  readonly told: (event: ReflectorEvent) => void;
  readonly clock: Clock;
  /** From 0 to 1. */
  readonly random: () => number;
}

export type ReflectorEvent =
  | { readonly kind: 'listed'; readonly objects: number; readonly because: ListReason }
  | { readonly kind: 'failed'; readonly error: ApiError; readonly retryMs: number }
  | { readonly kind: 'handlerFailed'; readonly error: unknown };

/** Begun; too old to go on; the server was set back; the time for it has come. */
export type ListReason = 'First' | 'Gone' | 'SetBack' | 'Periodic';

interface Held<T> {
  readonly uid: string;
  readonly resourceVersion: string;
  readonly value: T;
}

const pageSize = 500;
const firstRetryMs = 200;
const longestRetryMs = 30_000;
/** A watch that lived this long was a good one: the wait starts over. */
const healthyMs = 10_000;
const shortestWatchSeconds = 300;
const periodicMs = 3_600_000;

export class Reflector<T> {
  readonly #options: ReflectorOptions<T>;
  #held = new Map<string, Held<T>>();
  #resourceVersion = '';
  #lastContactMs: number;
  #relistAtMs = 0;
  readonly #synced = Promise.withResolvers<undefined>();
  #isSynced = false;

  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#lastContactMs = options.clock.now();
  }

  /** Resolves when the first list is complete. */
  get synced(): Promise<undefined> {
    return this.#synced.promise;
  }

  get isSynced(): boolean {
    return this.#isSynced;
  }

  /** When the API server was last heard, by the clock. */
  get lastContactMs(): number {
    return this.#lastContactMs;
  }

  get size(): number {
    return this.#held.size;
  }

  values(): T[] {
    return [...this.#held.values()].map(({ value }) => value);
  }

  /** Lists and watches until the signal aborts; never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, random, told } = this.#options;
    let because: ListReason | null = 'First';
    let doubtful = false;
    let failures = 0;
    while (!signal.aborted) {
      const startedMs = clock.now();
      try {
        if (because === null && doubtful && (await this.#wasSetBack(signal))) because = 'SetBack';
        if (because === null && startedMs >= this.#relistAtMs) because = 'Periodic';
        if (because !== null) await this.#list(because, signal);
        because = null;
        doubtful = false;
        await this.#watch(signal);
        failures = 0;
      } catch (error) {
        if (isAborted(signal)) return;
        if (clock.now() - startedMs > healthyMs) failures = 0;
        const failure = error instanceof ApiError ? error : unforeseen(error);
        if (failure.kind === 'gone') because = 'Gone';
        // Who was away may come back with an older state, and would tell nothing of it.
        else doubtful = true;
        const backoffMs = Math.min(longestRetryMs, firstRetryMs * 2 ** failures) * (0.5 + random());
        const retryMs = Math.max(failure.retryAfterMs ?? 0, backoffMs);
        failures += 1;
        told({ kind: 'failed', error: failure, retryMs });
        await clock.sleep(retryMs, signal);
      }
    }
  }

  /** True when the server's state is older than what we have seen: etcd was restored from a copy. */
  async #wasSetBack(signal: AbortSignal): Promise<boolean> {
    const { client, kind, selection } = this.#options;
    const { resourceVersion } = await client.list(kind, { ...selection, limit: 1, signal });
    return BigInt(resourceVersion) < BigInt(this.#resourceVersion);
  }

  async #list(because: ListReason, signal: AbortSignal): Promise<void> {
    const { client, kind, selection, clock, random, told } = this.#options;
    const found = new Map<string, StoredObject>();
    let page = await client.list(kind, { ...selection, limit: pageSize, signal });
    for (;;) {
      this.#lastContactMs = clock.now();
      for (const item of page.items) found.set(keyOf(item), item);
      if (page.next === '') break;
      page = await client.list(kind, { ...selection, limit: pageSize, next: page.next, signal });
    }
    for (const [key, { value }] of [...this.#held]) {
      if (found.has(key)) continue;
      this.#held.delete(key);
      this.#tell(value, null);
    }
    for (const item of found.values()) this.#put(item);
    this.#resourceVersion = page.resourceVersion;
    this.#relistAtMs = clock.now() + periodicMs * (0.75 + random() / 2);
    told({ kind: 'listed', objects: found.size, because });
    this.#isSynced = true;
    this.#synced.resolve(undefined);
  }

  async #watch(signal: AbortSignal): Promise<void> {
    const { client, kind, selection, clock, random } = this.#options;
    const timeoutSeconds = Math.round(shortestWatchSeconds * (1 + random()));
    const watching = { ...selection, resourceVersion: this.#resourceVersion, timeoutSeconds, signal };
    for await (const event of client.watch(kind, watching)) {
      this.#lastContactMs = clock.now();
      if (event.type === 'BOOKMARK') {
        this.#resourceVersion = event.resourceVersion;
        continue;
      }
      if (event.type === 'DELETED') this.#remove(event.object);
      else this.#put(event.object);
      this.#resourceVersion = event.object.metadata.resourceVersion;
    }
    this.#lastContactMs = clock.now();
  }

  #put(object: StoredObject): void {
    const key = keyOf(object);
    const { uid, resourceVersion } = object.metadata;
    const known = this.#held.get(key);
    if (known?.uid === uid && known.resourceVersion === resourceVersion) return;
    const value = this.#options.project(object);
    if (known !== undefined && (known.uid !== uid || value === null)) {
      this.#held.delete(key);
      this.#tell(known.value, null);
    }
    if (value === null) return;
    this.#held.set(key, { uid, resourceVersion, value });
    this.#tell(known?.uid === uid ? known.value : null, value);
  }

  #remove(object: StoredObject): void {
    const key = keyOf(object);
    const known = this.#held.get(key);
    if (known?.uid !== object.metadata.uid) return;
    this.#held.delete(key);
    this.#tell(known.value, null);
  }

  /** R3 */
  #tell(before: T | null, after: T | null): void {
    try {
      this.#options.changed(before, after);
    } catch (error) {
      this.#options.told({ kind: 'handlerFailed', error });
    }
  }
}

/** Asked again after a wait, which TypeScript would not believe. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

function keyOf({ metadata }: StoredObject): string {
  const { namespace } = metadata as { readonly namespace?: string };
  return namespace === undefined ? metadata.name : `${namespace}/${metadata.name}`;
}

function unforeseen(error: unknown): ApiError {
  return new ApiError('malformed', error instanceof Error ? error.message : String(error), 0, null, { cause: error });
}
