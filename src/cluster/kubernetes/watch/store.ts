/**
 * The last known state of one kind of objects, as far as its projection keeps it. Only its reflector writes it.
 *
 * Invariants:
 *  store/S1 A change is reported only if readers see a difference: fields that the projection drops do not count.
 *  store/S2 An object with the same name and another uid is another object: the previous one is reported as deleted
 *     first.
 */
import { isDeepStrictEqual } from 'node:util';

import type { StoredMetadata } from '../api/index.js';

/** The reading side. Objects are immutable: a held object is one state. */
export interface Store<T> {
  readonly size: number;
  /** @param namespace empty for cluster-scoped kinds */
  get(namespace: string, name: string): T | null;
  /** @param namespace absent = all */
  list(namespace?: string): T[];
  /** Objects for which the index function returned this value, in no particular order. */
  indexed(value: string): T[];
}

export interface Change<T> {
  readonly old: T | null;
  readonly now: T | null;
}

interface Entry<T> {
  readonly object: T;
  readonly namespace: string;
  readonly uid: string;
  readonly index: string | null;
}

type ObjectName = Pick<StoredMetadata, 'namespace' | 'name'>;

export class ObjectStore<T> implements Store<T> {
  readonly #indexBy: (object: T) => string | null;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #index = new Map<string, Set<Entry<T>>>();

  /** @param indexBy returns the value by which `indexed` finds an object; null = not indexed */
  constructor(indexBy: (object: T) => string | null = () => null) {
    this.#indexBy = indexBy;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(namespace: string, name: string): T | null {
    return this.#entries.get(keyOf({ namespace, name }))?.object ?? null;
  }

  list(namespace?: string): T[] {
    const entries = [...this.#entries.values()];
    const within = namespace === undefined ? entries : entries.filter((entry) => entry.namespace === namespace);
    return within.map(({ object }) => object);
  }

  indexed(value: string): T[] {
    return Array.from(this.#index.get(value) ?? [], ({ object }) => object);
  }

  /** Sets the state of one object; null = the projection keeps nothing. @returns the changes for readers */
  set(metadata: ObjectName & { readonly uid: string }, object: T | null): Change<T>[] {
    const key = keyOf(metadata);
    if (object === null) return this.#remove(key);
    const { namespace, uid } = metadata;
    const held = this.#entries.get(key);
    if (held?.uid === uid && isDeepStrictEqual(held.object, object)) return [];
    const removed = this.#remove(key);
    this.#add(key, { object, namespace, uid, index: this.#indexBy(object) });
    return held?.uid === uid ? [{ old: held.object, now: object }] : [...removed, { old: null, now: object }];
  }

  delete(name: ObjectName): Change<T>[] {
    return this.#remove(keyOf(name));
  }

  /** Deletes every object whose name is not listed. */
  keepOnly(names: Iterable<ObjectName>): Change<T>[] {
    const kept = new Set(Array.from(names, keyOf));
    return [...this.#entries.keys()].filter((key) => !kept.has(key)).flatMap((key) => this.#remove(key));
  }

  #add(key: string, entry: Entry<T>): void {
    this.#entries.set(key, entry);
    if (entry.index === null) return;
    const same = this.#index.get(entry.index);
    if (same === undefined) this.#index.set(entry.index, new Set([entry]));
    else same.add(entry);
  }

  #remove(key: string): Change<T>[] {
    const held = this.#entries.get(key);
    if (held === undefined) return [];
    this.#entries.delete(key);
    if (held.index !== null) {
      const same = this.#index.get(held.index);
      same?.delete(held);
      if (same?.size === 0) this.#index.delete(held.index);
    }
    return [{ old: held.object, now: null }];
  }
}

/** Names in Kubernetes contain no slash. */
function keyOf({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}
