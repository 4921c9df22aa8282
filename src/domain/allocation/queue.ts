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
  readonly positions: Int32Array;

  /** @param capacity items are whole numbers below this one */
  constructor(capacity: number) {
    this.keys = new Float64Array(capacity);
    this.positions = new Int32Array(capacity).fill(-1);
  }
}

export class Queue {
  readonly #heap: number[] = [];
  readonly #keys: Float64Array;
  readonly #positions: Int32Array;

  constructor({ keys, positions }: QueueItems) {
    this.#keys = keys;
    this.#positions = positions;
  }

  /** The first item; -1 when the queue is empty. */
  peek(): number {
    return this.#heap.length === 0 ? -1 : this.#at(0);
  }

  /** Adds an item, or changes the key of one that is queued here. */
  push(item: number, key: number): void {
    const position = this.#positionOf(item);
    const isLater = position >= 0 && key > this.#keyOf(item);
    this.#keys[item] = key;
    if (isLater) this.#sink(item, position);
    else this.#rise(item, position < 0 ? this.#heap.length : position);
  }

  /** Removes an item that is queued here. */
  remove(item: number): void {
    const position = this.#positionOf(item);
    const last = this.#heap.pop();
    if (last === undefined || position < 0) return;
    this.#positions[item] = -1;
    if (last === item) return;
    // At most one of the two moves the item.
    this.#sink(last, position);
    this.#rise(last, this.#positionOf(last));
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

  #put(item: number, position: number): void {
    this.#heap[position] = item;
    this.#positions[item] = position;
  }

  #at(position: number): number {
    return this.#heap[position] ?? 0;
  }

  #keyOf(item: number): number {
    return this.#keys[item] ?? 0;
  }

  #positionOf(item: number): number {
    return this.#positions[item] ?? -1;
  }
}

function isBefore(key: number, item: number, otherKey: number, other: number): boolean {
  return key < otherKey || (key === otherKey && item < other);
}
