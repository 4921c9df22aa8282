/**
 * A queue of future events, earliest first: a binary heap. Events of one instant come in the order in which they were
 * pushed, so that a run is deterministic.
 */

export interface EventQueue<Event> {
  readonly size: number;
  push(atSeconds: number, event: Event): void;
  /** Removes and returns the earliest event; null when there is none. */
  pop(): { readonly atSeconds: number; readonly event: Event } | null;
}

interface Entry<Event> {
  readonly atSeconds: number;
  readonly turn: number;
  readonly event: Event;
}

export function eventQueue<Event>(): EventQueue<Event> {
  const heap: Entry<Event>[] = [];
  let turns = 0;
  return {
    get size() {
      return heap.length;
    },
    push: (atSeconds, event) => {
      rise(heap, { atSeconds, turn: turns++, event });
    },
    pop: () => {
      const first = heap[0];
      const last = heap.pop();
      if (first === undefined || last === undefined) return null;
      if (heap.length > 0) sink(heap, last);
      return first;
    },
  };
}

function isBefore(one: Entry<unknown>, other: Entry<unknown>): boolean {
  return one.atSeconds < other.atSeconds || (one.atSeconds === other.atSeconds && one.turn < other.turn);
}

/** Appends an entry and moves it up past later parents. */
function rise<Event>(heap: Entry<Event>[], entry: Entry<Event>): void {
  let at = heap.length;
  while (at > 0) {
    const above = (at - 1) >> 1;
    const parent = heap[above];
    if (parent === undefined || !isBefore(entry, parent)) break;
    heap[at] = parent;
    at = above;
  }
  heap[at] = entry;
}

/** Puts an entry at the root and moves it down past earlier children. */
function sink<Event>(heap: Entry<Event>[], entry: Entry<Event>): void {
  let at = 0;
  for (;;) {
    const left = heap[2 * at + 1];
    if (left === undefined) break;
    const right = heap[2 * at + 2];
    const takesRight = right !== undefined && isBefore(right, left);
    const child = takesRight ? right : left;
    if (!isBefore(child, entry)) break;
    heap[at] = child;
    at = 2 * at + (takesRight ? 2 : 1);
  }
  heap[at] = entry;
}
