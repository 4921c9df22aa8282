/**
 * An API server of one kind of objects, as a reflector sees it, that behaves like the real one: increasing versions,
 * consistent pages, a log of events that is compacted, bookmarks once a minute, and no response to a watch from a future
 * version. A test switches its faults on and off.
 */
import type { Clock } from '@distillery/base';

import { type ApiClient, ApiError, type ResourceKind, type StoredObject } from '../../src/cluster/kubernetes/index.js';
import {
  type ApiErrorReason,
  type ListOptions,
  type Page,
  type WatchEvent,
  type WatchOptions,
} from '../../src/cluster/kubernetes/api/index.js';

type Logged = Extract<WatchEvent, { object: unknown }> & { readonly version: number };

interface State {
  readonly version: number;
  readonly objects: ReadonlyMap<string, StoredObject>;
  readonly log: readonly Logged[];
  readonly compacted: number;
}

interface Watcher {
  readonly end: (error: ApiError | null) => void;
}

const bookmarkMs = 60_000;
const silenceMs = 90_000;

export class FakeApiServer implements Pick<ApiClient, 'list' | 'watch'> {
  readonly #clock: Clock;
  #state: State = { version: 1, objects: new Map(), log: [], compacted: 0 };
  #uids = 0;
  /** Versions whose pages can still be read. */
  readonly #moments = new Map<number, readonly StoredObject[]>();
  readonly #watchers = new Set<Watcher>();
  #changed = Promise.withResolvers<undefined>();
  /** Responses to the next requests, in turn; null = serve the request. */
  readonly failures: (ApiError | null)[] = [];
  /** Refuses connections while true. */
  down = false;
  readonly requests: ('list' | 'watch')[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** All stored objects: content by name. */
  get truth(): Map<string, unknown> {
    return new Map(Array.from(this.#state.objects.values(), ({ metadata, spec }) => [metadata.name, spec]));
  }

  put(name: string, spec: unknown): void {
    const version = this.#state.version + 1;
    const uid = this.#state.objects.get(name)?.metadata.uid ?? `uid-${++this.#uids}`;
    const object = this.#object(name, uid, version, spec);
    this.#commit({ type: 'set', object, version }, new Map(this.#state.objects).set(name, object));
  }

  remove(name: string): void {
    const held = this.#state.objects.get(name);
    if (held === undefined) return;
    const version = this.#state.version + 1;
    const objects = new Map(this.#state.objects);
    objects.delete(name);
    this.#commit(
      { type: 'deleted', object: this.#object(name, held.metadata.uid, version, held.spec), version },
      objects,
    );
  }

  /** Compacts the log: forgets the events so far and the unread pages. */
  compact(): void {
    this.#state = { ...this.#state, log: [], compacted: this.#state.version };
    this.#moments.clear();
  }

  snapshot(): State {
    return this.#state;
  }

  /** Restores an earlier state; versions are then assigned a second time. */
  restore(state: State): void {
    this.#state = state;
    this.#moments.clear();
  }

  /** Ends every open watch, with an error or in good order. */
  endWatches(error: ApiError | null): void {
    for (const watcher of [...this.#watchers]) watcher.end(error);
  }

  async list(_: ResourceKind, { limit = 500, continueToken = null }: ListOptions = {}): Promise<Page> {
    this.requests.push('list');
    await this.#admitted();
    const [moment = 0, from = 0] =
      continueToken === null ? [this.#state.version, 0] : continueToken.split('/').map(Number);
    if (continueToken === null) this.#moments.set(moment, [...this.#state.objects.values()]);
    const all = this.#moments.get(moment);
    if (all === undefined) throw fakeError('gone');
    const next = from + limit;
    return {
      items: all.slice(from, next),
      resourceVersion: String(moment),
      continueToken: next < all.length ? `${moment}/${next}` : null,
    };
  }

  async *watch(_: ResourceKind, { resourceVersion, timeoutSeconds, signal }: WatchOptions): AsyncGenerator<WatchEvent> {
    this.requests.push('watch');
    await this.#admitted();
    const ended = Promise.withResolvers<ApiError | null>();
    const watcher: Watcher = { end: ended.resolve };
    this.#watchers.add(watcher);
    signal?.addEventListener('abort', () => watcher.end(fakeError('aborted')));
    const timers = new AbortController();
    void this.#clock.sleep(timeoutSeconds * 1_000, timers.signal).then(() => watcher.end(null));
    try {
      let from = Number(resourceVersion);
      yield { type: 'opened' };
      if (from < this.#state.compacted) throw fakeError('gone');
      for (let quietMs = 0; ;) {
        const event = this.#state.log.find(({ version }) => version > from);
        if (event !== undefined) {
          from = event.version;
          quietMs = 0;
          yield event;
        }
        const waits: Promise<ApiError | null | 'more' | 'tick'>[] = [
          ended.promise,
          event === undefined ? this.#changed.promise.then(() => 'more' as const) : Promise.resolve('more' as const),
          this.#clock.sleep(bookmarkMs / 2, timers.signal).then(() => 'tick' as const),
        ];
        const what = await Promise.race(waits);
        if (what === null) return;
        if (what instanceof ApiError) throw what;
        if (what === 'more') continue;
        quietMs += bookmarkMs / 2;
        if (quietMs >= silenceMs) throw fakeError('silent');
        if (quietMs % bookmarkMs === 0 && from <= this.#state.version) {
          quietMs = 0;
          from = this.#state.version;
          yield { type: 'bookmark', resourceVersion: String(from) };
        }
      }
    } finally {
      timers.abort();
      this.#watchers.delete(watcher);
    }
  }

  async #admitted(): Promise<void> {
    await Promise.resolve();
    if (this.down) throw fakeError('unreachable');
    const failure = this.failures.shift() ?? null;
    if (failure !== null) throw failure;
  }

  #object(name: string, uid: string, version: number, spec: unknown): StoredObject {
    const metadata = { name, namespace: 'default', uid, resourceVersion: String(version) };
    return { apiVersion: 'v1', kind: 'ConfigMap', metadata, spec };
  }

  #commit(event: Logged, objects: ReadonlyMap<string, StoredObject>): void {
    const { log, compacted } = this.#state;
    this.#state = { version: event.version, objects, log: [...log, event], compacted };
    const changed = this.#changed;
    this.#changed = Promise.withResolvers();
    changed.resolve(undefined);
  }
}

/** An error such as the client throws. */
export function fakeError(kind: ApiErrorReason, retryAfterMs: number | null = null): ApiError {
  return new ApiError(kind, {
    doing: 'a request to the fake',
    fault: { about: '', problem: `the fake answers ${kind}`, remedy: '' },
    retryAfterMs,
  });
}
