/** A priority queue of small whole numbers: the lowest key first, of equal keys the lowest number. A binary heap. */

export interface Queue {
  push(item: number, key: number): void;
  /** null when it is empty. */
  pop(): number | null;
}

/** @param capacity items are below this, each queued at most once at a time */
export function queueOf(capacity: number): Queue {
  const keys = new Float64Array(capacity);
  const heap = new Int32Array(capacity);
  let size = 0;
  const at = (index: number): number => heap[index] ?? 0;
  const isBefore = (one: number, other: number): boolean => {
    const difference = (keys[one] ?? 0) - (keys[other] ?? 0);
    // Two infinite keys are equal, too.
    return difference < 0 || (!(difference > 0) && one < other);
  };
  const sink = (item: number, from: number): void => {
    let hole = from;
    for (let child = 2 * hole + 1; child < size; child = 2 * hole + 1) {
      if (child + 1 < size && isBefore(at(child + 1), at(child))) child++;
      if (!isBefore(at(child), item)) break;
      heap[hole] = at(child);
      hole = child;
    }
    heap[hole] = item;
  };
  return {
    push(item, key) {
      keys[item] = key;
      let hole = size++;
      while (hole > 0 && isBefore(item, at((hole - 1) >> 1))) {
        heap[hole] = at((hole - 1) >> 1);
        hole = (hole - 1) >> 1;
      }
      heap[hole] = item;
    },
    pop() {
      if (size === 0) return null;
      const top = at(0);
      size--;
      if (size > 0) sink(at(size), 0);
      return top;
    },
  };
}
