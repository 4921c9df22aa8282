/**
 * Priority queues of small whole numbers: the lowest key first, among equal keys the lowest number. Binary heaps. Also the
 * order of texts that decides ties everywhere in allocation.
 */

/** Compares by code units: the same on every machine, whatever its locale. */
export function compareText(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/**
 * Keys and heap positions of items. Several queues may share it while no item is in two of them at the same time: a
 * thousand queues then need no more memory than one.
 */
export class QueueItems {
  readonly keys: Float64Array;
  /** The position of each item in its heap; -1 = in none. */
  readonly places: Int32Array;

  /** @param capacity items are whole numbers below this one */
  constructor(capacity: number) {
    this.keys = new Float64Array(capacity);
    this.places = new Int32Array(capacity).fill(-1);
  }
}

export class Queue {
  readonly #heap: number[] = [];
  readonly #keys: Float64Array;
  readonly #places: Int32Array;

  constructor({ keys, places }: QueueItems) {
    this.#keys = keys;
    this.#places = places;
  }

  /** The first item; -1 when the queue is empty. */
  peek(): number {
    return this.#heap.length === 0 ? -1 : this.#at(0);
  }

  /** Adds an item, or changes the key of one that is queued here. */
  push(item: number, key: number): void {
    const place = this.#placeOf(item);
    const isLater = place >= 0 && key > this.#keyOf(item);
    this.#keys[item] = key;
    if (isLater) this.#sink(item, place);
    else this.#rise(item, place < 0 ? this.#heap.length : place);
  }

  /** Removes an item that is queued here. */
  remove(item: number): void {
    const place = this.#placeOf(item);
    const last = this.#heap.pop();
    if (last === undefined || place < 0) return;
    this.#places[item] = -1;
    if (last === item) return;
    // At most one of the two moves the item.
    this.#sink(last, place);
    this.#rise(last, this.#placeOf(last));
  }

  #rise(item: number, from: number): void {
    const key = this.#keyOf(item);
    let hole = from;
    while (hole > 0) {
      const parent = this.#at((hole - 1) >> 1);
      if (isBefore(this.#keyOf(parent), parent, key, item)) break;
      this.#put(parent, hole);
      hole = (hole - 1) >> 1;
    }
    this.#put(item, hole);
  }

  #sink(item: number, from: number): void {
    const key = this.#keyOf(item);
    const size = this.#heap.length;
    let hole = from;
    for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
      let first = this.#at(child);
      let least = this.#keyOf(first);
      if (child + 1 < size) {
        const right = this.#at(child + 1);
        const other = this.#keyOf(right);
        if (isBefore(other, right, least, first)) {
          child++;
          first = right;
          least = other;
        }
      }
      if (isBefore(key, item, least, first)) break;
      this.#put(first, hole);
      hole = child;
    }
    this.#put(item, hole);
  }

  #put(item: number, place: number): void {
    this.#heap[place] = item;
    this.#places[item] = place;
  }

  #at(place: number): number {
    return this.#heap[place] ?? 0;
  }

  #keyOf(item: number): number {
    return this.#keys[item] ?? 0;
  }

  #placeOf(item: number): number {
    return this.#places[item] ?? -1;
  }
}

function isBefore(key: number, item: number, otherKey: number, other: number): boolean {
  return key < otherKey || (key === otherKey && item < other);
}
