/** The conformance check: passes what our protocol answers, and names what another answer gets wrong. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

import {
  augmentations,
  blockOrder,
  conformance,
  decodeLogits,
  decodeWorkItem,
  encodeFrame,
  FrameError,
  type Implementation,
  missingFeatures,
  permutation,
  readHeader,
  schedule,
  shardRows,
  viewFrame,
  WorkItemError,
} from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

const folder = join(import.meta.dirname, '../../../packages/protocol/vectors');
const files = {
  json: (name: string): unknown => JSON.parse(readFileSync(join(folder, name), 'utf8')),
  bytes: (name: string): Uint8Array => new Uint8Array(readFileSync(join(folder, name))),
};

const ours: Required<Implementation> = {
  readFrame: (frame) => {
    try {
      return { header: readHeader(frame), logits: decodeLogits(viewFrame(frame)) };
    } catch (error) {
      if (error instanceof FrameError) return { error: error.reason };
      throw error;
    }
  },
  writeFrame: (header, logits) => encodeFrame({ ...header, logits }),
  readWorkItem: (text) => {
    try {
      return { item: decodeWorkItem(new TextEncoder().encode(text)) };
    } catch (error) {
      if (error instanceof WorkItemError) return { field: error.field };
      throw error;
    }
  },
  permutation,
  blockOrder,
  batch: (job, step) => {
    const plan = schedule({ ...job, positions: 1 });
    return { epoch: plan.epochOf(step), augmentSeed: plan.augmentSeed(step), indices: plan.indices(step) };
  },
  shard: shardRows,
  augmentImage: (samples, { shift, noise, flip, ...place }) => {
    augmentations.image.apply(samples, { shift, noise, flip }, place);
    return samples;
  },
  missingFeatures: (text, has) => missingFeatures(JSON.parse(text), has),
};

describe('an implementation', () => {
  test('that is ours passes every vector of every part', async () => {
    const report = await conformance(ours, files);
    expect(report).toMatchObject({ failures: [], unchecked: [] });
    expect(report.passed).toBeGreaterThan(60);
  });

  test('that differs in one bit of a logit fails each frame that it decodes', async () => {
    const { readFrame } = ours;
    const off: Implementation = {
      readFrame: async (frame) => {
        const found = await readFrame(frame);
        if ('logits' in found) new Uint32Array(found.logits.buffer, found.logits.byteOffset)[0]! ^= 1;
        return found;
      },
    };
    const { failures } = await conformance(off, files);
    const { sound } = files.json('frames.json') as { sound: { name: string }[] };
    expect(failures.map(({ vector }) => vector)).toEqual(sound.map(({ name }) => name));
  });

  test('that accepts a broken frame is reported with the frame and the expected error', async () => {
    const header = readHeader(files.bytes('frame-dense-f32.bin'));
    const { failures } = await conformance({ readFrame: () => ({ header, logits: new Float32Array(30) }) }, files);
    expect(failures).toContainEqual(
      expect.objectContaining({ part: 'readFrame', vector: 'body-bit', expected: expect.stringContaining('error') }),
    );
  });

  test('that throws fails the vector and is asked for the next one', async () => {
    const shard = (rows: number, shards: number, index: number) => {
      if (index === 0) throw new Error('no first shard');
      return shardRows(rows, shards, index);
    };
    const { failures, passed } = await conformance({ shard }, files);
    expect(new Set(failures.map(({ found }) => found))).toEqual(new Set(['{"thrown":"no first shard"}']));
    expect(passed).toBeGreaterThan(0);
  });

  test('that has only one part leaves the others unchecked', async () => {
    const { unchecked, failures } = await conformance({ permutation }, files);
    expect(failures).toEqual([]);
    expect(unchecked).toEqual([
      'readFrame',
      'writeFrame',
      'readWorkItem',
      'blockOrder',
      'batch',
      'shard',
      'augmentImage',
      'missingFeatures',
    ]);
  });
});
