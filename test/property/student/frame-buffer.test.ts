/** In any order of arrival, with duplicates, zombies and foreign frames, each step leaves once, in order, and whole. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { FrameBuffer } from '../../../workers/student/frame-buffer.js';
import { shardsWithRows } from '../../../workers/student/frames.js';

const jobs = fc
  .record({
    shards: fc.integer({ min: 1, max: 5 }),
    rows: fc.array(fc.integer({ min: 1, max: 7 }), { minLength: 1, maxLength: 12 }),
    window: fc.integer({ min: 1, max: 6 }),
    firstStep: fc.integer({ min: 0, max: 4 }),
  })
  .chain((job) =>
    fc.record({
      job: fc.constant(job),
      // Places of any step and shard, foreign ones included, in any order and number.
      noise: fc.array(fc.record({ step: fc.integer({ min: 0, max: 20 }), shard: fc.integer({ min: 0, max: 6 }) }), {
        maxLength: 60,
      }),
      order: fc.infiniteStream(fc.nat()),
    }),
  );

const framesOf = (step: number, shard: number, sequence: number) => ({
  sequence,
  bytes: 100 + shard,
  logits: Float32Array.of(step, shard),
});

describe('a frame buffer', () => {
  test('returns each step once and in order, its shards in order, and never holds more than the window', () => {
    fc.assert(
      fc.property(jobs, ({ job: { shards, rows, window, firstStep }, noise, order }) => {
        const end = firstStep + rows.length;
        const shardsOf = (step: number): number[] => shardsWithRows(rows[step - firstStep] ?? 7, shards);
        const buffer = new FrameBuffer({ shardsOf, lowWater: firstStep, limit: Math.min(end, firstStep + window) });
        const strangers = [...noise];
        let sequence = 0;
        const offer = (step: number, shard: number): void => {
          const before = { frames: buffer.frames, wanted: buffer.judge(step, shard) };
          const acceptance = buffer.accept(step, shard, framesOf(step, shard, ++sequence));
          expect(acceptance).toBe(before.wanted);
          expect(buffer.frames).toBe(before.frames + (acceptance === 'held' ? 1 : 0));
        };
        const draws = order[Symbol.iterator]();
        const draw = (bound: number): number => draws.next().value! % bound;
        for (let next = firstStep; next < end; next++) {
          const limit = Math.min(end, next + window);
          while (!buffer.complete(next)) {
            const stranger = strangers.pop();
            if (stranger !== undefined) offer(stranger.step, stranger.shard);
            // Some missing frame of the window, not the one that is needed first.
            const missing = Array.from({ length: limit - next }, (_, at) => next + at).flatMap((step) =>
              buffer.missing(step).map((shard) => ({ step, shard })),
            );
            const place = missing[draw(missing.length)];
            if (place !== undefined) offer(place.step, place.shard);
            const most = Array.from({ length: limit - next }, (_, at) => shardsOf(next + at).length);
            expect(buffer.frames).toBeLessThanOrEqual(most.reduce((sum, count) => sum + count, 0));
          }
          const { logits, bytes } = buffer.take(next);
          expect([...logits]).toEqual(shardsOf(next).flatMap((shard) => [next, shard]));
          expect(bytes).toBe(shardsOf(next).reduce((sum, shard) => sum + 100 + shard, 0));
          expect(buffer.judge(next, shardsOf(next)[0]!)).toBe('belowLowWater');
          buffer.allowBelow(Math.min(end, next + 1 + window));
        }
        expect({ frames: buffer.frames, bytes: buffer.bytes }).toEqual({ frames: 0, bytes: 0 });
      }),
    );
  });

  test('waits for exactly the shards that have rows', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 40 }), fc.integer({ min: 1, max: 12 }), (rows, shards) => {
        const expected = shardsWithRows(rows, shards);
        expect(expected).toHaveLength(Math.min(rows, shards));
        const buffer = new FrameBuffer({ shardsOf: () => expected, lowWater: 0, limit: 1 });
        expect(buffer.missing(0)).toEqual(expected);
        for (let shard = 0; shard < shards; shard++) {
          expect(buffer.complete(0)).toBe(false);
          if (expected.includes(shard)) expect(buffer.accept(0, shard, framesOf(0, shard, 1 + shard))).toBe('held');
          else expect(buffer.accept(0, shard, framesOf(0, shard, 1 + shard))).toBe('foreign');
          if (shard === expected.at(-1)) break;
        }
        expect(buffer.complete(0)).toBe(true);
      }),
    );
  });
});
