/** Priority queues that share the keys of their items: equal to a sorted list after any operations. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { Queue, QueueItems } from '../../../../src/domain/allocation/queue.js';

const capacity = 12;
const stepArbitrary = fc.record({
  queue: fc.nat({ max: 1 }),
  item: fc.nat({ max: capacity - 1 }),
  key: fc.constantFrom(0, 1, 2, 3, Infinity),
  act: fc.constantFrom('push', 'push', 'remove', 'take'),
});

test('the lowest key comes first, among equal keys the lowest number', () => {
  fc.assert(
    fc.property(fc.array(stepArbitrary, { maxLength: 60 }), (steps) => {
      const items = new QueueItems(capacity);
      const queues = [new Queue(items), new Queue(items)];
      const lists = [new Map<number, number>(), new Map<number, number>()];
      const firstOf = (list: ReadonlyMap<number, number>): number =>
        [...list].sort(([a, one], [b, other]) => (one === other ? a - b : one - other))[0]?.[0] ?? -1;
      for (const { queue: index, item, key, act } of steps) {
        const [queue, list, other] = [queues[index]!, lists[index]!, lists[1 - index]!];
        if (act === 'push' && !other.has(item)) {
          queue.push(item, key);
          list.set(item, key);
        } else if (act === 'take' && queue.peek() >= 0) {
          list.delete(queue.peek());
          queue.remove(queue.peek());
        } else if (act === 'remove' && list.has(item)) {
          queue.remove(item);
          list.delete(item);
        }
        expect(queues.map((one) => one.peek())).toEqual(lists.map(firstOf));
      }
    }),
    { numRuns: 1_000 },
  );
});
