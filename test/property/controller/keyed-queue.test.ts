/** What holds for the queue, in whatever order keys arrive, work ends and time passes. */
import { expect, test } from '@jest/globals';
import fc from 'fast-check';

import { KeyedQueue } from '../../../src/controller/index.js';
import { FakeClock, settled } from '../../kit/clock.js';

const keys = ['a', 'b', 'c'] as const;

type Move =
  | { readonly kind: 'add'; readonly key: string }
  | { readonly kind: 'advance'; readonly ms: number }
  | { readonly kind: 'finish'; readonly key: string; readonly againMs: number | null }
  | { readonly kind: 'fail'; readonly key: string };

const key = fc.constantFrom(...keys);
const moveArbitrary: fc.Arbitrary<Move> = fc.oneof(
  { weight: 4, arbitrary: key.map((key_) => ({ kind: 'add' as const, key: key_ })) },
  { weight: 3, arbitrary: fc.constantFrom(1, 50, 250, 1_000, 40_000).map((ms) => ({ kind: 'advance' as const, ms })) },
  {
    weight: 4,
    arbitrary: fc
      .tuple(key, fc.constantFrom(null, null, 0, 100, 1_000))
      .map(([key_, againMs]) => ({ kind: 'finish' as const, key: key_, againMs })),
  },
  { weight: 2, arbitrary: key.map((key_) => ({ kind: 'fail' as const, key: key_ })) },
);

interface Start {
  readonly key: string;
  readonly atMs: number;
}

/** A queue, all work that it started, and the faults in that. */
function workshop(workers: number, paceMs: number) {
  const clock = new FakeClock();
  const starts: Start[] = [];
  const retries: { readonly key: string; readonly retryMs: number }[] = [];
  const open = new Map<string, PromiseWithResolvers<number | null>>();
  const faults: string[] = [];
  const queue = new KeyedQueue({
    workers,
    clock,
    paceMs: () => paceMs,
    failed: (failedKey, _error, retryMs) => void retries.push({ key: failedKey, retryMs }),
    work: (startedKey) => {
      if (open.has(startedKey)) faults.push(`${startedKey} is worked on twice at a time`);
      if (open.size >= workers) faults.push('more work at a time than there are workers');
      const last = starts.findLast((start) => start.key === startedKey);
      if (last !== undefined && clock.now() - last.atMs < paceMs) faults.push(`${startedKey} is worked on too soon`);
      starts.push({ key: startedKey, atMs: clock.now() });
      const work = Promise.withResolvers<number | null>();
      open.set(startedKey, work);
      return work.promise;
    },
  });
  const end = async (endedKey: string, how: (work: PromiseWithResolvers<number | null>) => void): Promise<void> => {
    const work = open.get(endedKey);
    if (work === undefined) return;
    open.delete(endedKey);
    how(work);
    await settled();
  };
  const play = async (move: Move): Promise<void> => {
    if (move.kind === 'add') queue.add(move.key);
    else if (move.kind === 'advance') await clock.advance(move.ms);
    else if (move.kind === 'finish') await end(move.key, ({ resolve }) => resolve(move.againMs));
    else await end(move.key, ({ reject }) => reject(new Error('no')));
  };
  /** Lets all work succeed until no more starts. */
  const drain = async (): Promise<void> => {
    for (let round = 0; round < 50 && (open.size > 0 || clock.waits.length > 0); round++) {
      for (const openKey of [...open.keys()]) await end(openKey, ({ resolve }) => resolve(null));
      await clock.advance(40_000);
    }
  };
  return { clock, queue, starts, retries, open, faults, play, drain };
}

const shape = { workers: fc.integer({ min: 1, max: 3 }), paceMs: fc.constantFrom(0, 250, 2_000) };
const movesArbitrary = fc.array(moveArbitrary, { maxLength: 40 });

test('one worker at a time works on a key, no sooner than its pace, and no more keys are worked on than there are workers', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record(shape), movesArbitrary, async ({ workers, paceMs }, moves) => {
      const shop = workshop(workers, paceMs);
      for (const move of moves) await shop.play(move);
      await shop.drain();
      expect(shop.faults).toEqual([]);
    }),
    { numRuns: 300 },
  );
});

test('no added key is lost: its work starts after it was added, and the queue comes to rest', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record(shape), movesArbitrary, async ({ workers, paceMs }, moves) => {
      const shop = workshop(workers, paceMs);
      const owed = new Map<string, number>();
      for (const move of moves) {
        // Work that begins with this very call counts.
        if (move.kind === 'add') owed.set(move.key, shop.starts.length);
        await shop.play(move);
      }
      await shop.drain();
      for (const [owedKey, since] of owed) {
        expect(shop.starts.slice(since).some((start) => start.key === owedKey)).toBe(true);
      }
      expect([shop.queue.depth, shop.open.size, shop.clock.waits]).toEqual([0, 0, []]);
    }),
    { numRuns: 300 },
  );
});

test('while a worker is free, a key waits only for its own work to end', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record(shape), movesArbitrary, async ({ workers, paceMs }, moves) => {
      const shop = workshop(workers, paceMs);
      for (const move of moves) {
        await shop.play(move);
        if (shop.open.size < workers) expect(shop.queue.depth).toBeLessThanOrEqual(shop.open.size);
      }
    }),
    { numRuns: 200 },
  );
});

test('waits after failures double from 200 ms up to half a minute, for each key separately, and start over after a success', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record(shape), movesArbitrary, async ({ workers, paceMs }, moves) => {
      const shop = workshop(workers, paceMs);
      const inARow = new Map<string, number>();
      for (const move of moves) {
        const ends = move.kind === 'finish' || move.kind === 'fail';
        const runs = ends && shop.open.has(move.key);
        await shop.play(move);
        if (!runs) continue;
        const failures = inARow.get(move.key) ?? 0;
        inARow.set(move.key, move.kind === 'fail' ? failures + 1 : 0);
        if (move.kind === 'fail') {
          const retryMs = Math.min(30_000, 200 * 2 ** failures);
          expect(shop.retries.at(-1)).toEqual({ key: move.key, retryMs });
        }
      }
    }),
    { numRuns: 200 },
  );
});

test('a stopped queue starts no work and ends with its last work', async () => {
  await fc.assert(
    fc.asyncProperty(fc.record(shape), movesArbitrary, movesArbitrary, async ({ workers, paceMs }, before, later) => {
      const shop = workshop(workers, paceMs);
      for (const move of before) await shop.play(move);
      const begun = shop.starts.length;
      let stopped = false;
      const stopping = shop.queue.stop().then(() => (stopped = true));
      for (const move of later) await shop.play(move);
      await settled();
      expect(stopped).toBe(shop.open.size === 0);
      await shop.drain();
      await stopping;
      expect([shop.starts.length, shop.clock.waits]).toEqual([begun, []]);
    }),
    { numRuns: 200 },
  );
});
