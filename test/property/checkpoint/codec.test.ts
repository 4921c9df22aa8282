import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { CheckpointError, decodeCheckpoint, encodeCheckpoint } from '../../../workers/checkpoint/index.js';
import { small } from '../../unit/checkpoint/checkpoints.js';

const tensors = fc.uniqueArray(
  fc
    .record({
      name: fc.string(),
      shape: fc.array(fc.integer({ min: 0, max: 4 }), { maxLength: 3 }),
      seed: fc.integer({ min: 1, max: 0xffff_ffff }),
    })
    .map(({ name, shape, seed }) => {
      const length = shape.reduce((product, size) => product * size, 1);
      // Any bits, NaN payloads and denormals included.
      const bits = Uint32Array.from({ length }, (_, at) => Math.imul(seed, 2 * at + 1));
      return { name, shape, data: new Float32Array(bits.buffer) };
    }),
  { selector: ({ name }) => name, maxLength: 6 },
);
const whole = fc.nat();
const checkpoints = fc.record({
  jobUid: fc.string(),
  attempt: whole,
  step: whole,
  seed: whole,
  firstNeededSequence: fc.maxSafeNat(),
  optimizer: fc.string(),
  metrics: fc.jsonValue(),
  state: fc.record({ weights: tensors, slots: tensors }),
});

const bitsOf = ({ data }: { readonly data: Float32Array }): number[] => [...new Uint8Array(data.slice().buffer)];

describe('a checkpoint', () => {
  test('decodes to what was encoded', () => {
    fc.assert(
      fc.property(checkpoints, (checkpoint) => {
        const back = decodeCheckpoint(encodeCheckpoint(checkpoint), checkpoint.jobUid);
        const plain = { ...back, state: null, metrics: null };
        expect(plain).toEqual({ ...checkpoint, state: null, metrics: null });
        expect(back.metrics).toEqual(JSON.parse(JSON.stringify(checkpoint.metrics)));
        for (const group of ['weights', 'slots'] as const) {
          expect(back.state[group].map(({ name, shape }) => ({ name, shape }))).toEqual(
            checkpoint.state[group].map(({ name, shape }) => ({ name, shape })),
          );
          expect(back.state[group].map(bitsOf)).toEqual(checkpoint.state[group].map(bitsOf));
        }
      }),
    );
  });

  const blob = encodeCheckpoint(small);
  const isRefused = (bytes: Uint8Array): boolean => {
    try {
      decodeCheckpoint(bytes, small.jobUid);
      return false;
    } catch (error) {
      return error instanceof CheckpointError;
    }
  };

  test('with any one bit flipped is refused', () => {
    const accepted: number[] = [];
    for (let bit = 0; bit < blob.length * 8; bit++) {
      const damaged = blob.slice();
      damaged[bit >> 3] = blob[bit >> 3]! ^ (1 << (bit & 7));
      if (!isRefused(damaged)) accepted.push(bit);
    }
    expect(accepted).toEqual([]);
  });

  test('truncated anywhere is refused', () => {
    const accepted = Array.from({ length: blob.length }, (_, length) => length).filter(
      (length) => !isRefused(blob.subarray(0, length)),
    );
    expect(accepted).toEqual([]);
  });

  test('with bytes overwritten, moved or added anywhere is refused', () => {
    const at = fc.nat({ max: blob.length });
    fc.assert(
      fc.property(at, at, fc.uint8Array({ maxLength: 64 }), (from, to, bytes) => {
        const spliced = Uint8Array.from([...blob.subarray(0, from), ...bytes, ...blob.subarray(to)]);
        fc.pre(Buffer.compare(spliced, blob) !== 0);
        expect(isRefused(spliced)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });

  test('is never decoded from other bytes', () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => isRefused(bytes)));
  });
});
