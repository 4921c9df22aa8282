/** Logits frames: what a writer refuses, what a reader gets, and where its arrays lie. */
import {
  decodeFrame,
  decodeLogits,
  encodeFrame,
  FrameError,
  headerBytes,
  maxFrameBytes,
  maxTemperature,
  readHeader,
  viewFrame,
} from '@distillery/protocol';
import type { FrameInput } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

const aFrame = (changes: Partial<FrameInput> = {}): FrameInput => ({
  encoding: 'Float32',
  topK: 0,
  step: 7,
  shard: 0,
  rows: 2,
  columns: 4,
  teacherDigest: '00112233445566ff',
  augmentSeed: 9,
  temperature: 0,
  logits: Float32Array.of(1, -2, 3.5, 0, 8, 7, 6, 5),
  ...changes,
});
const aTopKFrame = (changes: Partial<FrameInput> = {}): FrameInput => aFrame({ topK: 2, temperature: 2, ...changes });

const softmax = (logits: Float32Array, temperature: number): number[] => {
  const largest = Math.max(...logits);
  const shares = Array.from(logits, (logit) => Math.exp((logit - largest) / temperature));
  const sum = shares.reduce((total, share) => total + share, 0);
  return shares.map((share) => share / sum);
};
const caught = (call: () => unknown): FrameError => {
  try {
    call();
  } catch (error) {
    if (error instanceof FrameError) return error;
    throw error;
  }
  throw new Error('expected a FrameError');
};
/** The frame at the given distance from a 4-aligned start, as a NATS payload lies in its chunk. */
const placedAt = (offset: number, frame: Uint8Array): Uint8Array => {
  const chunk = new Uint8Array(frame.length + 16);
  chunk.set(frame, offset);
  return chunk.subarray(offset, offset + frame.length);
};

describe('a header', () => {
  test('carries everything the writer said', () => {
    const { logits, ...header } = aTopKFrame({ step: 2 ** 53 - 1, shard: 2 ** 32 - 1, augmentSeed: 2 ** 32 - 1 });
    expect(readHeader(encodeFrame({ ...header, logits }))).toEqual(header);
  });

  test('of a dense frame has no temperature, whatever the job trains at', () => {
    expect(readHeader(encodeFrame(aFrame({ temperature: 4 }))).temperature).toBe(0);
  });

  test('is enough to tell a frame, without its body', () => {
    expect(readHeader(encodeFrame(aFrame()).subarray(0, headerBytes)).teacherDigest).toBe('00112233445566ff');
  });
});

describe('a reader maps the arrays', () => {
  test.each([
    { what: 'dense Float32', frame: aFrame(), shared: [0, 4, 8, 12] },
    { what: 'dense Float16', frame: aFrame({ encoding: 'Float16' }), shared: [0, 2, 4, 6] },
    { what: 'top-k Float16', frame: aTopKFrame({ encoding: 'Float16' }), shared: [0, 4, 8, 12] },
  ])('of $what where they lie at every aligned offset, else over one copy', ({ frame, shared }) => {
    const bytes = encodeFrame(frame);
    const want = decodeLogits(viewFrame(bytes));
    for (let offset = 0; offset < 16; offset++) {
      const payload = placedAt(offset, bytes);
      const view = viewFrame(payload);
      expect(decodeLogits(view)).toEqual(want);
      if (shared.includes(offset)) expect(view.values.buffer).toBe(payload.buffer);
      if (offset % 2 === 1) expect(view.values.buffer).not.toBe(payload.buffer);
    }
  });

  test('but decoded logits are never the memory of the payload', () => {
    const payload = encodeFrame(aFrame());
    const logits = decodeLogits(viewFrame(payload));
    payload.fill(0);
    expect(logits).toEqual(aFrame().logits);
  });

  test('and decodes in one go', () => {
    const { logits, ...header } = aFrame();
    expect(decodeFrame(encodeFrame(aFrame()))).toEqual({ header, logits });
  });

  test('and decodes into the array given, of exactly the right size', () => {
    const into = new Float32Array(8);
    const frame = viewFrame(encodeFrame(aFrame()));
    expect(decodeLogits(frame, into)).toBe(into);
    expect(into).toEqual(aFrame().logits);
    expect(caught(() => decodeLogits(frame, new Float32Array(7))).reason).toBe('malformed');
  });
});

describe('top-k', () => {
  test('keeps the largest logits by ascending column, of equal ones the first', () => {
    const frame = viewFrame(encodeFrame(aTopKFrame({ logits: Float32Array.of(5, 9, 5, 5, 0, 0, 0, 0) })));
    expect(frame).toMatchObject({ layout: 'topK', ids: Uint32Array.of(0, 1, 0, 1) });
    expect(frame.values).toEqual(Float32Array.of(5, 9, 0, 0));
  });

  test('spreads what is left evenly, so that the softmax of the kept columns comes back', () => {
    const logits = Float32Array.of(4, 1, 2, -1, 0, 0, 7, 3);
    const restored = decodeLogits(viewFrame(encodeFrame(aTopKFrame({ logits }))));
    const was = softmax(logits.subarray(0, 4), 2);
    const is = softmax(restored.subarray(0, 4), 2);
    expect([is[0], is[2]]).toEqual([expect.closeTo(was[0]!, 6), expect.closeTo(was[2]!, 6)]);
    expect(is[1]).toBe(is[3]);
    expect(is[1]! + is[3]!).toBeCloseTo(was[1]! + was[3]!, 6);
  });

  test('with every column kept is the dense frame', () => {
    const restored = decodeLogits(viewFrame(encodeFrame(aTopKFrame({ topK: 4 }))));
    expect(restored).toEqual(aFrame().logits);
  });

  test('of a row without any remaining mass stays finite, the rest at nothing', () => {
    const logits = Float32Array.of(3000, -3000, 2999, -3000, -3e38, 0, 3e38, 1);
    const restored = decodeLogits(viewFrame(encodeFrame(aTopKFrame({ logits }))));
    expect(restored.every((logit) => Number.isFinite(logit))).toBe(true);
    expect(softmax(restored.subarray(0, 4), 2)[1]).toBeLessThan(1.5e-45);
  });

  test('of a flat row of 100,000 columns with 1 kept comes back flat', () => {
    const logits = new Float32Array(100_000).fill(3);
    const restored = decodeLogits(viewFrame(encodeFrame(aTopKFrame({ rows: 1, columns: 100_000, topK: 1, logits }))));
    // The mass is 0.99999: float32 leaves 1 − mass three digits.
    for (const logit of restored.subarray(0, 100)) expect(logit).toBeCloseTo(3, 1);
  });

  test('of a mass that says 1 stays finite at the highest temperature', () => {
    const view = viewFrame(encodeFrame(aTopKFrame({ temperature: maxTemperature })));
    if (view.layout !== 'topK') throw new Error('expected a top-k frame');
    view.remaining.fill(1);
    expect(decodeLogits(view).every((logit) => Number.isFinite(logit))).toBe(true);
  });
});

describe('a writer refuses', () => {
  test.each([
    ['NaN', NaN],
    ['infinity', -Infinity],
  ])('%s, naming row and column', (_, value) => {
    const logits = Float32Array.of(1, 2, 3, 4, 5, 6, value, 8);
    const error = caught(() => encodeFrame(aFrame({ logits })));
    expect(error).toMatchObject({ reason: 'nonFinite', row: 1, column: 2 });
    expect(error.message).toContain('row 1, column 2');
  });

  test('NaN in a column that top-k would leave out', () => {
    const logits = Float32Array.of(1, 2, 3, NaN, 5, 6, 7, 8);
    expect(caught(() => encodeFrame(aTopKFrame({ logits })))).toMatchObject({ reason: 'nonFinite', row: 0, column: 3 });
  });

  test.each([
    { what: 'dense', frame: aFrame({ encoding: 'Float16' }) },
    { what: 'top-k', frame: aTopKFrame({ encoding: 'Float16' }) },
  ])('a logit beyond half precision in a $what frame, and says what to use', ({ frame }) => {
    const logits = Float32Array.of(1, 2, 3, 4, 5, 6, 7, 70_000);
    const error = caught(() => encodeFrame({ ...frame, logits }));
    expect(error).toMatchObject({ reason: 'nonFinite', row: 1, column: 3 });
    expect(error.message).toContain('70000 is beyond half precision (65504). Use encoding Float32.');
  });

  test.each<[string, Partial<FrameInput>]>([
    ['step', { step: -1 }],
    ['step', { step: 2 ** 53 }],
    ['shard', { shard: 0.5 }],
    ['rows', { rows: 0 }],
    ['columns', { columns: 0 }],
    ['topK', { topK: 5, temperature: 1 }],
    ['augmentSeed', { augmentSeed: 2 ** 32 }],
    ['teacherDigest', { teacherDigest: '00112233445566FF' }],
    ['teacherDigest', { teacherDigest: '00' }],
    ['temperature', { topK: 1, temperature: 0 }],
    ['temperature', { topK: 1, temperature: 1e-60 }],
    ['temperature', { topK: 1, temperature: NaN }],
    ['temperature', { topK: 1, temperature: maxTemperature + 1 }],
    ['logits', { logits: new Float32Array(7) }],
    ['size', { rows: 1, columns: maxFrameBytes / 4, logits: new Float32Array(maxFrameBytes / 4) }],
  ])('a wrong %s: %p', (field, changes) => {
    const error = caught(() => encodeFrame(aFrame(changes)));
    expect(error.reason).toBe('malformed');
    expect(error.message).toContain(`${field}: found`);
  });
});
