/**
 * The last known state of one kind of objects, as much of it as its projection keeps. Read by everybody, written by its
 * reflector alone.
 *
 * Invariants:
 *  store/S1 A change is told only when it is one for readers: what the projection leaves out does not count.
 *  store/S2 An object of the same name and another uid is another object: the one before ended first.
 */
import { isDeepStrictEqual } from 'node:util';

import type { StoredMetadata } from '../api/index.js';

/** What readers see. Objects are never changed in place: who holds one holds a state. */
export interface Store<T> {
  readonly size: number;
  /** @param namespace empty for kinds without */
  get(namespace: string, name: string): T | null;
  /** @param namespace absent = all */
  list(namespace?: string): T[];
  /** Objects to which the index function gave this value, in no order. */
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

  /** @param indexBy the value under which `indexed` finds an object; null = none */
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

  /** Takes in the state of one object; null = nothing of it is kept. @returns what changed for readers */
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

  /** Deletes every object that is not among these. */
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

/** Names of Kubernetes hold no slash. */
function keyOf({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}
