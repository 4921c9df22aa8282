/** Priority queues of small whole numbers: the lowest key first, of equal keys the lowest number. Binary heaps. */

/**
 * Keys and places of items. Queues may share it as long as no item is in two of them at the same time: then a thousand
 * queues cost no more memory than one.
 */
export interface QueueItems {
  readonly keys: Float64Array;
  /** Where in its heap each item is; -1 = in none. */
  readonly places: Int32Array;
}

export interface Queue {
  /** The first item; null when the queue is empty. */
  peek(): number | null;
  /** Adds an item, or gives one that is queued here another key. */
  push(item: number, key: number): void;
  /** Removes an item that is queued here. */
  remove(item: number): void;
}

/** @param capacity items are whole numbers below this */
export function queueItems(capacity: number): QueueItems {
  return { keys: new Float64Array(capacity), places: new Int32Array(capacity).fill(-1) };
}

export function queueOf({ keys, places }: QueueItems): Queue {
  const heap: number[] = [];
  const at = (index: number): number => heap[index] ?? 0;
  const isBefore = (one: number, other: number): boolean => {
    const difference = (keys[one] ?? 0) - (keys[other] ?? 0);
    // Two infinite keys are equal, too.
    return difference < 0 || (!(difference > 0) && one < other);
  };
  const put = (item: number, place: number): void => {
    heap[place] = item;
    places[item] = place;
  };
  const rise = (item: number, from: number): void => {
    let hole = from;
    while (hole > 0 && isBefore(item, at((hole - 1) >> 1))) {
      put(at((hole - 1) >> 1), hole);
      hole = (hole - 1) >> 1;
    }
    put(item, hole);
  };
  const sink = (item: number, from: number): void => {
    let hole = from;
    for (let child = 2 * hole + 1; child < heap.length; child = 2 * hole + 1) {
      if (child + 1 < heap.length && isBefore(at(child + 1), at(child))) child++;
      if (!isBefore(at(child), item)) break;
      put(at(child), hole);
      hole = child;
    }
    put(item, hole);
  };
  return {
    peek: () => heap[0] ?? null,
    push(item, key) {
      const place = places[item] ?? -1;
      const isLater = place >= 0 && key > (keys[item] ?? 0);
      keys[item] = key;
      if (isLater) sink(item, place);
      else rise(item, place < 0 ? heap.length : place);
    },
    remove(item) {
      const place = places[item] ?? -1;
      const last = heap.pop();
      if (place < 0 || last === undefined) return;
      places[item] = -1;
      if (last === item) return;
      if (isBefore(last, item)) rise(last, place);
      else sink(last, place);
    },
  };
}
