/**
 * The live supply against a fleet and a server with faults: lost items and frames, frames that are delivered twice or not
 * at all, damaged ones that the operator deletes, trimming, a server that loses everything, reconnects. It delivers every
 * step once, in order, with the right logits, and never feeds more than a window ahead.
 */
import { randomFrom } from '@distillery/base';
import { maxFrameRetries } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { LiveSupply } from '../../../workers/student/live-supply.js';
import {
  type Answer,
  answerFrame,
  answersFor,
  FakeClock,
  fakeColumns,
  fakeWidth,
  FakeLog,
  FakeStreams,
  manifestWith,
  scheduleFor,
} from '../../kit/worker-fakes.js';

const worlds = fc.record({
  seed: fc.nat(),
  samples: fc.integer({ min: 1, max: 40 }),
  batchSize: fc.integer({ min: 1, max: 9 }),
  epochs: fc.integer({ min: 1, max: 3 }),
  shards: fc.integer({ min: 1, max: 4 }),
  window: fc.integer({ min: 1, max: 12 }),
  firstStep: fc.nat({ max: 6 }),
  /** Share of the steps whose frames an earlier attempt left. */
  leftStored: fc.double({ min: 0, max: 1, noNaN: true }),
  fedBefore: fc.nat({ max: 10 }),
  slowestMs: fc.integer({ min: 0, max: 3_000 }),
  faults: fc.record({
    lostItem: fc.double({ min: 0, max: 0.3, noNaN: true }),
    undelivered: fc.double({ min: 0, max: 0.5, noNaN: true }),
    deliveredTwice: fc.double({ min: 0, max: 0.5, noNaN: true }),
    damaged: fc.double({ min: 0, max: 0.5, noNaN: true }),
  }),
  /** Faults of the server, by milliseconds from the start. */
  wipes: fc.array(fc.record({ atMs: fc.nat({ max: 4_000 }), seen: fc.boolean() }), { maxLength: 3 }),
  reconnects: fc.array(fc.nat({ max: 4_000 }), { maxLength: 3 }),
  absences: fc.array(fc.record({ atMs: fc.nat({ max: 4_000 }), forMs: fc.nat({ max: 3_000 }) }), { maxLength: 1 }),
  stepMs: fc.nat({ max: 200 }),
});

describe('the live supply', () => {
  test('delivers every step once, in order, with its logits, whatever is lost, doubled or damaged', async () => {
    await fc.assert(
      fc.asyncProperty(worlds, async (world) => {
        const { samples, batchSize, epochs, shards, window, faults, slowestMs } = world;
        const clock = new FakeClock();
        const schedule = scheduleFor(manifestWith({ batchSize, epochs }), samples);
        const firstStep = Math.min(world.firstStep, schedule.steps);
        const random = randomFrom(world.seed);
        const damages = new Map<string, number>();
        const answer = ({ step, shard }: { step: number; shard: number }): Answer => {
          const afterMs = random.below(slowestMs + 1);
          const draw = random.unit();
          let below = 0;
          for (const fault of ['lostItem', 'undelivered', 'deliveredTwice', 'damaged'] as const) {
            below += faults[fault] / 2;
            if (draw >= below) continue;
            if (fault === 'damaged') {
              const key = `${String(step)}.${String(shard)}`;
              const count = damages.get(key) ?? 0;
              if (count >= maxFrameRetries) break;
              damages.set(key, count + 1);
            }
            return { afterMs, fault };
          }
          return { afterMs };
        };
        const streams = new FakeStreams(clock, answer);
        let asked = firstStep;
        streams.onFeed = ({ step, indices }) => {
          // The next step may be taken already.
          expect(step).toBeLessThan(asked + 1 + window);
          expect(indices.length).toBeGreaterThan(0);
        };
        for (let step = 0; step < schedule.steps; step++) {
          if (random.unit() >= world.leftStored) continue;
          const indices = schedule.indices(step);
          // Frames of whole steps alone: other worlds test the shards.
          const item = { step, shard: 0, firstRow: 0, indices: [...indices], augmentSeed: schedule.augmentSeed(step) };
          if (shards === 1) streams.store(item, answerFrame(item), false);
        }
        const supply = new LiveSupply({
          stream: streams,
          schedule,
          shards,
          columns: fakeColumns,
          width: fakeWidth,
          firstStep,
          fedBefore: world.fedBefore,
          stepBytes: 1,
          windowFor: () => window,
          onFailure: 'Fail',
          hasLabels: true,
          teacherDigest: null,
          clock,
          log: new FakeLog(),
        });
        const over = new AbortController();
        const at = (ms: number, act: () => void): void => void clock.sleep(ms, over.signal).then(act);
        for (const { atMs, seen } of world.wipes) {
          at(atMs, () => {
            streams.wipe();
            if (seen) streams.reconnect();
          });
        }
        for (const atMs of world.reconnects) at(atMs, () => streams.reconnect());
        for (const { atMs, forMs } of world.absences) {
          at(atMs, () => {
            streams.away = clock.sleep(forMs);
          });
        }
        const operator = async (): Promise<void> => {
          while (!over.signal.aborted) {
            streams.operate(supply.state.damaged, supply.state.firstNeededSequence);
            await clock.sleep(300, over.signal);
          }
        };
        const train = async (): Promise<void> => {
          supply.start();
          for (let step = firstStep; step < schedule.steps; step++) {
            asked = step;
            const taken = await supply.take(step);
            if (taken === 'stopped') throw new Error('it was not stopped');
            expect(taken.logits).toEqual(answersFor(schedule.indices(step)));
            expect(supply.state.buffer.frames).toBeLessThanOrEqual(window * shards);
            expect(supply.state.fedSteps).toBeLessThanOrEqual(step + 1 + window);
            await clock.sleep(world.stepMs);
          }
        };
        void operator();
        await clock.run(train());
        expect(supply.state.fedSteps).toBe(schedule.steps);
        expect(supply.state.damaged).toEqual([]);
        expect(supply.state.buffer).toEqual({ frames: 0, bytes: 0 });
        supply.stop();
        over.abort();
      }),
      { numRuns: 200 },
    );
  });
});
