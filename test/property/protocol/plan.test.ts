/** Which samples a step holds, how it is cut, and what augmentation does to them: the same wherever computed. */
import {
  augmentations,
  blockOrder,
  bytesPerRow,
  encodeFrame,
  maxFrameBytes,
  permutation,
  samplesOfRows,
  schedule,
  shardCount,
  shardRows,
  windowBlocks,
} from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

const seed = fc.maxSafeNat();
const jobs = fc.record({
  seed,
  samples: fc.integer({ min: 1, max: 200 }),
  batchSize: fc.integer({ min: 1, max: 64 }),
  epochs: fc.integer({ min: 1, max: 4 }),
  positions: fc.integer({ min: 1, max: 8 }),
});

describe('a schedule', () => {
  test('trains every sample exactly once an epoch, in batches that are full but for the last', () => {
    fc.assert(
      fc.property(jobs, (job) => {
        const plan = schedule(job);
        expect(plan.steps).toBe(plan.stepsPerEpoch * job.epochs);
        for (let epoch = 0; epoch < job.epochs; epoch++) {
          const seen: number[] = [];
          for (let at = 0; at < plan.stepsPerEpoch; at++) {
            const step = epoch * plan.stepsPerEpoch + at;
            expect(plan.epochOf(step)).toBe(epoch);
            const batch = plan.indices(step);
            const last = at === plan.stepsPerEpoch - 1;
            expect(plan.rows(step)).toBe(batch.length * job.positions);
            expect(batch.length).toBe(last ? job.samples - at * job.batchSize : job.batchSize);
            seen.push(...batch);
          }
          expect(seen).toEqual(Array.from(permutation(job.seed, epoch, job.samples)));
          expect(seen.toSorted((a, b) => a - b)).toEqual(Array.from({ length: job.samples }, (_, index) => index));
        }
      }),
    );
  });

  test('says the same of a step whatever it was asked before', () => {
    fc.assert(
      fc.property(jobs, fc.array(fc.nat(), { maxLength: 20 }), (job, questions) => {
        const asked = schedule(job);
        for (const question of questions) {
          const step = question % asked.steps;
          const fresh = schedule(job);
          expect([asked.indices(step), asked.augmentSeed(step)]).toEqual([
            fresh.indices(step),
            fresh.augmentSeed(step),
          ]);
        }
      }),
    );
  });

  test('shuffles otherwise in another epoch and for another seed', () => {
    const orders = [permutation(1, 0, 1000), permutation(1, 1, 1000), permutation(2, 0, 1000)];
    expect(new Set(orders.map((order) => order.join())).size).toBe(3);
  });
});

describe('an order by blocks', () => {
  test('has every sample once, and each stretch of batches reads few blocks', () => {
    fc.assert(
      fc.property(
        seed,
        fc.nat({ max: 5 }),
        fc.integer({ min: 1, max: 400 }),
        fc.integer({ min: 1, max: 20 }),
        (from, epoch, samples, blockRows) => {
          const order = blockOrder(from, epoch, samples, blockRows);
          expect(order.toSorted()).toEqual(Uint32Array.from({ length: samples }, (_, index) => index));
          // Windows are at most so long; a stretch lies in two of them.
          const window = windowBlocks * blockRows;
          for (let start = 0; start < samples; start += window) {
            const blocks = new Set(
              Array.from(order.slice(start, start + window), (row) => Math.floor(row / blockRows)),
            );
            expect(blocks.size).toBeLessThanOrEqual(2 * windowBlocks);
          }
          const plan = schedule({ seed: from, samples, batchSize: 7, epochs: epoch + 1, positions: 1, blockRows });
          const first = epoch * plan.stepsPerEpoch;
          const batches = Array.from({ length: plan.stepsPerEpoch }, (_, at) => [...plan.indices(first + at)]);
          expect(batches.flat()).toEqual([...order]);
        },
      ),
    );
  });

  test('mixes the rows of several blocks, otherwise in another epoch', () => {
    const [first, again, second] = [0, 0, 1].map((epoch) => blockOrder(3, epoch, 10_000, 100));
    expect(again).toEqual(first);
    expect(second).not.toEqual(first);
    expect(new Set(Array.from(first!.slice(0, 64), (row) => Math.floor(row / 100))).size).toBeGreaterThan(4);
  });
});

describe('a flip', () => {
  test('leaves an image or mirrors it from left to right, about half of them', () => {
    const shape = [2, 3, 2];
    const image = Float32Array.from({ length: 12 }, (_, at) => at / 12);
    const mirrored = [4, 5, 2, 3, 0, 1, 10, 11, 8, 9, 6, 7].map((at) => Math.fround(at / 12));
    let flipped = 0;
    for (let sample = 0; sample < 400; sample++) {
      const samples = image.slice();
      augmentations.image.apply(samples, { shift: 0, noise: 0, flip: true }, { seed: 8, firstSample: sample, shape });
      const isFlipped = samples.join() !== image.join();
      expect([...samples]).toEqual(isFlipped ? mirrored : [...image]);
      if (isFlipped) flipped++;
    }
    expect(Math.abs(flipped - 200)).toBeLessThan(50);
    expect(augmentations.plain.takes({ shift: 0, noise: 0, flip: true })).toBe(false);
  });
});

describe('shards', () => {
  test('cut rows: each names exactly the samples in which its rows lie, for one position its rows themselves', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 200 }),
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 64 }),
        (samples, positions, shards) => {
          for (let shard = 0; shard < shards; shard++) {
            const rows = shardRows(samples * positions, shards, shard);
            const { start, end } = samplesOfRows(rows, positions);
            const inside = new Set<number>();
            for (let row = rows.start; row < rows.end; row++) inside.add(Math.floor(row / positions));
            expect(Array.from({ length: end - start }, (_, at) => start + at)).toEqual([...inside]);
            if (positions === 1) expect({ start, end }).toEqual(rows);
          }
        },
      ),
    );
  });

  test('of one sample with more positions than fit into a frame are several', () => {
    const rowBytes = bytesPerRow(32_000, 'Float16', 0);
    const shards = shardCount(1 * 512, rowBytes);
    const longest = Math.max(
      ...Array.from({ length: shards }, (_, shard) => shardRows(512, shards, shard)).map(
        ({ start, end }) => end - start,
      ),
    );
    expect(64 + longest * rowBytes).toBeLessThanOrEqual(maxFrameBytes);
  });

  test('cover the rows in order and differ by at most one row', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 1, max: 64 }), (rows, shards) => {
        let next = 0;
        const sizes: number[] = [];
        for (let shard = 0; shard < shards; shard++) {
          const { start, end } = shardRows(rows, shards, shard);
          expect(start).toBe(next);
          sizes.push(end - start);
          next = end;
        }
        expect(next).toBe(rows);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
      }),
    );
  });

  test('keep a full frame, header included, within the limit, and one shard less would not', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 600 }),
        fc.integer({ min: 1, max: 3000 }),
        fc.constantFrom('Float32' as const, 'Float16' as const),
        fc.boolean(),
        (batchSize, columns, encoding, dense) => {
          const topK = dense ? 0 : Math.ceil(columns / 3);
          const rowBytes = bytesPerRow(columns, encoding, topK);
          const shards = shardCount(batchSize, rowBytes);
          const rowsAt = (count: number): number => Math.ceil(batchSize / count);
          const frame = encodeFrame({
            encoding,
            topK,
            step: 0,
            shard: 0,
            rows: rowsAt(shards),
            columns,
            teacherDigest: '0000000000000000',
            augmentSeed: 0,
            temperature: dense ? 0 : 1,
            logits: new Float32Array(rowsAt(shards) * columns),
          });
          expect(frame.length).toBe(64 + rowsAt(shards) * rowBytes);
          expect(frame.length).toBeLessThanOrEqual(maxFrameBytes);
          if (shards > 1) expect(64 + rowsAt(shards - 1) * rowBytes).toBeGreaterThan(maxFrameBytes);
        },
      ),
      { numRuns: 50 },
    );
  });
});

const batches = fc
  .record({
    count: fc.integer({ min: 1, max: 6 }),
    shape: fc.tuple(fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 3 })),
  })
  .chain(({ count, shape }) => {
    const length = count * shape[0] * shape[1] * shape[2];
    return fc.record({
      count: fc.constant(count),
      shape: fc.constant(shape),
      samples: fc
        .array(fc.float({ min: 0, max: 1, noNaN: true }), { minLength: length, maxLength: length })
        .map((values) => Float32Array.from(values)),
      seed: fc.integer({ min: 0, max: 0xffff_ffff }),
      firstSample: fc.nat({ max: 10_000 }),
    });
  });
const how = fc.record({ shift: fc.integer({ min: 0, max: 8 }), noise: fc.double({ min: 0, max: 1, noNaN: true }) });

const augment: typeof augmentations.image.apply = (...given) => {
  augmentations.image.apply(...given);
};

describe('augmentation of images', () => {
  test('of a batch cut at any sample is that of the whole batch', () => {
    fc.assert(
      fc.property(batches, how, fc.nat(), ({ count, shape, samples, seed: from, firstSample }, kind, cutAt) => {
        const whole = samples.slice();
        augment(whole, kind, { seed: from, firstSample, shape });
        const cut = cutAt % (count + 1);
        const middle = (samples.length / count) * cut;
        const head = samples.slice(0, middle);
        const tail = samples.slice(middle);
        augment(head, kind, { seed: from, firstSample, shape });
        augment(tail, kind, { seed: from, firstSample: firstSample + cut, shape });
        expect(Float32Array.from([...head, ...tail])).toEqual(whole);
      }),
    );
  });

  test('stays in [0, 1]', () => {
    fc.assert(
      fc.property(batches, how, ({ shape, samples, seed: from, firstSample }, kind) => {
        augment(samples, kind, { seed: from, firstSample, shape });
        expect(samples.every((value) => value >= 0 && value <= 1)).toBe(true);
      }),
    );
  });

  test('by nothing changes nothing', () => {
    fc.assert(
      fc.property(batches, ({ shape, samples, seed: from, firstSample }) => {
        const before = samples.slice();
        augment(samples, { shift: 0, noise: 0 }, { seed: from, firstSample, shape });
        expect(samples).toEqual(before);
      }),
    );
  });

  test('by a shift moves the image as one and leaves 0 behind', () => {
    fc.assert(
      fc.property(
        batches,
        fc.integer({ min: 1, max: 4 }),
        ({ count, shape, samples, seed: from, firstSample }, shift) => {
          const moved = samples.slice();
          augment(moved, { shift, noise: 0 }, { seed: from, firstSample, shape });
          const [height, width, channels] = shape;
          const size = height * width * channels;
          const pixel = (from_: Float32Array, row: number, y: number, x: number, channel: number): number =>
            y < 0 || x < 0 || y >= height || x >= width ? 0 : from_[row * size + (y * width + x) * channels + channel]!;
          for (let row = 0; row < count; row++) {
            const fits = (down: number, right: number): boolean => {
              for (let at = 0; at < size; at++) {
                const [y, x, channel] = [
                  Math.floor(at / channels / width),
                  Math.floor(at / channels) % width,
                  at % channels,
                ];
                if (moved[row * size + at] !== pixel(samples, row, y - down, x - right, channel)) return false;
              }
              return true;
            };
            const distances = Array.from({ length: 2 * shift + 1 }, (_, at) => at - shift);
            expect(distances.some((down) => distances.some((right) => fits(down, right)))).toBe(true);
          }
        },
      ),
    );
  });

  test('by noise has the standard deviation asked for', () => {
    const samples = new Float32Array(100_000).fill(0.5);
    augment(samples, { shift: 0, noise: 0.05 }, { seed: 1, firstSample: 0, shape: [1, 1, 1] });
    const mean = samples.reduce((sum, value) => sum + value, 0) / samples.length;
    const variance = samples.reduce((sum, value) => sum + (value - mean) ** 2, 0) / samples.length;
    expect(mean).toBeCloseTo(0.5, 3);
    expect(Math.sqrt(variance)).toBeCloseTo(0.05, 3);
  });
});
