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
}

export interface Change<T> {
  readonly old: T | null;
  readonly now: T | null;
}

interface Entry<T> {
  readonly object: T;
  readonly namespace: string;
  readonly uid: string;
}

type ObjectName = Pick<StoredMetadata, 'namespace' | 'name'>;

export class ObjectStore<T> implements Store<T> {
  readonly #entries = new Map<string, Entry<T>>();

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

  /** Sets the state of one object; null = the projection keeps nothing. @returns the changes for readers */
  set(metadata: ObjectName & { readonly uid: string }, object: T | null): Change<T>[] {
    const key = keyOf(metadata);
    if (object === null) return this.#remove(key);
    const { namespace, uid } = metadata;
    const held = this.#entries.get(key);
    if (held?.uid === uid && isDeepStrictEqual(held.object, object)) return [];
    const removed = this.#remove(key);
    this.#entries.set(key, { object, namespace, uid });
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

  #remove(key: string): Change<T>[] {
    const held = this.#entries.get(key);
    if (held === undefined) return [];
    this.#entries.delete(key);
    return [{ old: held.object, now: null }];
  }
}

/** Names in Kubernetes contain no slash. */
function keyOf({ namespace, name }: ObjectName): string {
  return `${namespace}/${name}`;
}
