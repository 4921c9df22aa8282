/**
 * A map that holds a limited number of entries: to set one more removes the one that was read or set longest ago.
 */
export class RecentMap<K, V> {
  readonly #limit: number;
  /** In the order of use: the first key is the one to remove. */
  readonly #entries = new Map<K, V>();

  /** @param limit number of entries, 1 or more */
  constructor(limit: number) {
    this.#limit = limit;
  }

  get size(): number {
    return this.#entries.size;
  }

  get(key: K): V | undefined {
    const value = this.#entries.get(key);
    if (value !== undefined) this.set(key, value);
    return value;
  }

  set(key: K, value: V): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.#limit) return;
    const [oldest] = this.#entries.keys();
    if (oldest !== undefined) this.#entries.delete(oldest);
  }

  delete(key: K): void {
    this.#entries.delete(key);
  }
}
