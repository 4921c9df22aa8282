/** The next event: the earliest, and at one instant the one that was pushed first. */
import { randomFrom } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { eventQueue } from '../../../src/simulate/event-queue.js';

function drained<Event>(queue: ReturnType<typeof eventQueue<Event>>): Event[] {
  const events: Event[] = [];
  for (let next = queue.pop(); next !== null; next = queue.pop()) events.push(next.event);
  return events;
}

describe('an event queue', () => {
  test('gives events in the order of their times', () => {
    const queue = eventQueue<string>();
    for (const at of [5, 1, 4, 2, 3]) queue.push(at, `at ${at}`);
    expect(queue.size).toBe(5);
    expect(drained(queue)).toEqual(['at 1', 'at 2', 'at 3', 'at 4', 'at 5']);
    expect(queue.pop()).toBeNull();
  });

  test('gives events of one instant in the order in which they were pushed', () => {
    const queue = eventQueue<number>();
    queue.push(7, -1);
    for (let turn = 0; turn < 50; turn++) queue.push(3, turn);
    expect(drained(queue)).toEqual([...Array.from({ length: 50 }, (_, turn) => turn), -1]);
  });

  test('agrees with sorting, whatever is pushed between', () => {
    const random = randomFrom(11);
    const queue = eventQueue<number>();
    const waiting: { at: number; turn: number }[] = [];
    for (let turn = 0; turn < 2_000; turn++) {
      if (random.below(3) > 0) {
        const at = random.below(40);
        waiting.push({ at, turn });
        queue.push(at, turn);
        continue;
      }
      waiting.sort((one, other) => one.at - other.at || one.turn - other.turn);
      expect(queue.pop()?.event).toBe(waiting.shift()?.turn);
    }
  });
});
