/**
 * The test vectors of packages/protocol/vectors against the code: what a foreign worker reads there is what ours does. The files
 * are the reference here; `scripts/vectors.ts --check` says whether they would be written the same today.
 */
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { mix32, randomFrom, seedOf } from '@distillery/base';
import {
  augmentations,
  bytesPerRow,
  deadItemSchema,
  decodeLogits,
  decodeWorkItem,
  encodeFrame,
  encodeWorkItem,
  FrameError,
  missingFeatures,
  permutation,
  readHeader,
  referenceSchema,
  samplesOfRows,
  schedule,
  shardCount,
  shardRows,
  studentStateSchema,
  teacherStateSchema,
  viewFrame,
  WorkItemError,
} from '@distillery/protocol';
import type { FrameInput, RowRange, WorkItem } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

const folder = join(dirname(fileURLToPath(import.meta.url)), '../../../packages/protocol/vectors');
const bytesOf = (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name)));
const floatsOf = (name: string): Float32Array => new Float32Array(bytesOf(name).buffer);
const jsonOf = (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8'));
/** What a call throws, so that its fields can be compared. */
const thrownBy = (call: () => unknown): unknown => {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('expected a throw');
};

interface Draws {
  readonly seed: number;
  readonly draws: number[];
}
const randomVectors = jsonOf('random.json') as {
  mix32: { value: number; mixed: number }[];
  seedOf: { parts: number[]; seed: number }[];
  uint32: Draws[];
  unit: Draws[];
  below: (Draws & { bound: number })[];
};

describe('random.json', () => {
  test.each(randomVectors.mix32)('mix32 of $value', ({ value, mixed }) => {
    expect(mix32(value)).toBe(mixed);
  });
  test.each(randomVectors.seedOf)('seedOf $parts', ({ parts, seed }) => {
    expect(seedOf(...parts)).toBe(seed);
  });
  test.each(randomVectors.uint32)('uint32 from seed $seed', ({ seed, draws }) => {
    const random = randomFrom(seed);
    expect(draws.map(() => random.uint32())).toEqual(draws);
  });
  test.each(randomVectors.unit)('unit from seed $seed', ({ seed, draws }) => {
    const random = randomFrom(seed);
    expect(draws.map(() => random.unit())).toEqual(draws);
  });
  test.each(randomVectors.below)('below $bound', ({ seed, bound, draws }) => {
    const random = randomFrom(seed);
    expect(draws.map(() => random.below(bound))).toEqual(draws);
  });
});

const scheduleVectors = jsonOf('schedule.json') as {
  permutations: { seed: number; epoch: number; samples: number; permutation: number[] }[];
  schedules: {
    seed: number;
    samples: number;
    batchSize: number;
    epochs: number;
    stepsPerEpoch: number;
    batches: { step: number; epoch: number; augmentSeed: number; indices: number[] }[];
  }[];
  shards: { rows: number; shards: number; ranges: { start: number; end: number }[] }[];
  positions: {
    samples: number;
    positions: number;
    shards: number;
    ranges: { rows: RowRange; samples: RowRange }[];
  }[];
  shardCounts: {
    batchSize: number;
    columns: number;
    encoding: 'Float32' | 'Float16';
    topK: number;
    rowBytes: number;
    shards: number;
  }[];
};

describe('schedule.json', () => {
  test.each(scheduleVectors.permutations)('permutation of epoch $epoch, seed $seed, of $samples', (vector) => {
    expect(Array.from(permutation(vector.seed, vector.epoch, vector.samples))).toEqual(vector.permutation);
  });
  test.each(scheduleVectors.schedules)('batches of seed $seed: $samples samples by $batchSize', (vector) => {
    const plan = schedule({ ...vector, positions: 1 });
    expect(plan.stepsPerEpoch).toBe(vector.stepsPerEpoch);
    expect(plan.steps).toBe(vector.batches.length);
    for (const { step, epoch, augmentSeed, indices } of vector.batches) {
      expect([plan.epochOf(step), plan.augmentSeed(step), Array.from(plan.indices(step))]).toEqual([
        epoch,
        augmentSeed,
        indices,
      ]);
    }
  });
  test.each(scheduleVectors.shards)('$rows rows in $shards shards', ({ rows, shards, ranges }) => {
    expect(ranges.map((_, shard) => shardRows(rows, shards, shard))).toEqual(ranges);
  });
  test.each(scheduleVectors.positions)(
    '$samples samples of $positions positions in $shards shards',
    ({ samples, positions, shards, ranges }) => {
      const found = ranges.map((_, shard) => {
        const rows = shardRows(samples * positions, shards, shard);
        return { rows, samples: samplesOfRows(rows, positions) };
      });
      expect(found).toEqual(ranges);
    },
  );
  test.each(scheduleVectors.shardCounts)('shards of a batch of $batchSize with $columns columns', (vector) => {
    const rowBytes = bytesPerRow(vector.columns, vector.encoding, vector.topK);
    expect(rowBytes).toBe(vector.rowBytes);
    expect(shardCount(vector.batchSize, rowBytes)).toBe(vector.shards);
  });
});

const augmentVectors = jsonOf('augment.json') as {
  name: string;
  shape: [number, number, number];
  shift: number;
  noise: number;
  flip?: boolean;
  seed: number;
  firstSample: number;
  input: string;
  output: string;
}[];

describe('augment.json', () => {
  test.each(augmentVectors)('$name', ({ shape, shift, noise, flip, seed, firstSample, input, output }) => {
    const samples = floatsOf(input);
    augmentations.image.apply(samples, { shift, noise, flip }, { seed, firstSample, shape });
    expect(new Uint8Array(samples.buffer)).toEqual(bytesOf(output));
  });
});

const frameVectors = jsonOf('frames.json') as {
  sound: (Omit<FrameInput, 'logits'> & { name: string; file: string; encoded: string; decoded: string })[];
  broken: { name: string; file: string; error: string; row?: number; column?: number }[];
};

describe('frames.json', () => {
  test.each(frameVectors.sound)(
    '$name is read, and written the same',
    ({ name, file, encoded, decoded, ...header }) => {
      const bytes = bytesOf(file);
      expect({ name, ...readHeader(bytes) }).toEqual({ name, ...header });
      expect(new Uint8Array(decodeLogits(viewFrame(bytes)).buffer)).toEqual(bytesOf(decoded));
      expect(encodeFrame({ ...header, logits: floatsOf(encoded) })).toEqual(bytes);
    },
  );
  test.each(frameVectors.broken)('$name is refused as $error', ({ file, error, row, column }) => {
    const thrown = thrownBy(() => viewFrame(bytesOf(file)));
    expect(thrown).toBeInstanceOf(FrameError);
    expect(thrown).toMatchObject({ reason: error, row, column });
  });
});

const itemVectors = jsonOf('work-items.json') as {
  sound: { text: string; item: unknown }[];
  broken: { text: string; field: string }[];
};

describe('work-items.json', () => {
  test.each(itemVectors.sound)('$text is read', ({ text, item }) => {
    expect(decodeWorkItem(new TextEncoder().encode(text))).toEqual(item);
  });
  test('what we write is the text of the vectors, byte for byte', () => {
    const texts = itemVectors.sound.map(({ item }) => new TextDecoder().decode(encodeWorkItem(item as WorkItem)));
    expect(texts.slice(0, 2)).toEqual(itemVectors.sound.slice(0, 2).map(({ text }) => text));
  });
  test.each(itemVectors.broken)('$text is refused at $field', ({ text, field }) => {
    const thrown = thrownBy(() => decodeWorkItem(new TextEncoder().encode(text)));
    expect(thrown).toBeInstanceOf(WorkItemError);
    expect(thrown).toMatchObject({ field });
  });
});

describe('requires.json', () => {
  const vectors = jsonOf('requires.json') as { text: string; has: string[]; missing: string[] }[];
  test.each(vectors)('$text, read with the features $has, lacks $missing', ({ text, has, missing }) => {
    expect(missingFeatures(JSON.parse(text), has)).toEqual(missing);
  });
});

describe('messages.json', () => {
  const messages = jsonOf('messages.json') as Record<'student' | 'teacher' | 'reference' | 'dead', unknown>;
  test('holds one message of each kind that its schema takes whole', () => {
    expect(studentStateSchema.parse(messages.student)).toEqual(messages.student);
    expect(teacherStateSchema.parse(messages.teacher)).toEqual(messages.teacher);
    expect(referenceSchema.parse(messages.reference)).toEqual(messages.reference);
    expect(deadItemSchema.parse(messages.dead)).toEqual(messages.dead);
  });
});
