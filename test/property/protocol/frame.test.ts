/** Logits frames over random content: what goes in comes out, and whatever else comes in is a FrameError. */
import { decodeLogits, encodeFrame, FrameError, readHeader, viewFrame } from '@distillery/protocol';
import type { FrameInput, ValueEncoding } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import { crc32c } from '@node-rs/crc32';
import fc from 'fast-check';

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const digest = fc.stringMatching(/^[0-9a-f]{16}$/);
const float32 = (limit: number): fc.Arbitrary<number> =>
  fc.float({ min: -Math.fround(limit), max: Math.fround(limit), noNaN: true });

/** A frame whose logits stay within `limit`; dense when `dense`, else top-k. */
function frames(dense: boolean, encodings: readonly ValueEncoding[], limit: number): fc.Arbitrary<FrameInput> {
  return fc
    .record({ rows: fc.integer({ min: 1, max: 5 }), columns: fc.integer({ min: 1, max: 12 }) })
    .chain(({ rows, columns }) =>
      fc.record({
        rows: fc.constant(rows),
        columns: fc.constant(columns),
        encoding: fc.constantFrom(...encodings),
        step: fc.maxSafeNat(),
        shard: uint32,
        augmentSeed: uint32,
        teacherDigest: digest,
        topK: dense ? fc.constant(0) : fc.integer({ min: 1, max: columns }),
        temperature: dense ? fc.constant(0) : fc.float({ min: Math.fround(0.05), max: 20, noNaN: true }),
        logits: fc
          .array(float32(limit), { minLength: rows * columns, maxLength: rows * columns })
          .map((values) => Float32Array.from(values)),
      }),
    );
}
const anyFrame = fc.oneof(frames(true, ['Float32', 'Float16'], 60_000), frames(false, ['Float32', 'Float16'], 60_000));

const rowsOf = (logits: Float32Array, columns: number): Float32Array[] =>
  Array.from({ length: logits.length / columns }, (_, row) => logits.slice(row * columns, (row + 1) * columns));

function massOutside(row: Float32Array, kept: ReadonlySet<number>, temperature: number): number {
  const largest = Math.max(...row);
  let inside = 0;
  let outside = 0;
  for (const [column, logit] of row.entries()) {
    const share = Math.exp((logit - largest) / temperature);
    if (kept.has(column)) inside += share;
    else outside += share;
  }
  return outside / (inside + outside);
}

describe('what is written is read', () => {
  test('dense Float32: every logit bit for bit, over the whole range of float32', () => {
    fc.assert(
      fc.property(frames(true, ['Float32'], 3.4028234663852886e38), (frame) => {
        const bytes = encodeFrame(frame);
        const { logits, ...header } = frame;
        expect(readHeader(bytes)).toEqual(header);
        expect(new Uint8Array(decodeLogits(viewFrame(bytes)).buffer)).toEqual(new Uint8Array(logits.buffer));
      }),
    );
  });

  test('dense Float16: every logit to the nearest half', () => {
    fc.assert(
      fc.property(frames(true, ['Float16'], 65_504), (frame) => {
        const decoded = decodeLogits(viewFrame(encodeFrame(frame)));
        for (const [at, logit] of frame.logits.entries()) {
          // Half a unit of 11 significant bits; below 2^-14 the unit is 2^-24.
          const tolerance = Math.max(Math.abs(logit) * 2 ** -11, 2 ** -25);
          expect(Math.abs(decoded[at]! - logit)).toBeLessThanOrEqual(tolerance);
        }
      }),
    );
  });

  test('top-k Float32: kept logits exactly, no other is larger, and the mass outside is preserved', () => {
    fc.assert(
      fc.property(frames(false, ['Float32'], 40), (frame) => {
        const view = viewFrame(encodeFrame(frame));
        if (view.layout !== 'topK') throw new Error('expected a top-k frame');
        const decoded = rowsOf(decodeLogits(view), frame.columns);
        for (const [row, logits] of rowsOf(frame.logits, frame.columns).entries()) {
          const ids = Array.from(view.ids.subarray(row * frame.topK, (row + 1) * frame.topK));
          const kept = new Set(ids);
          expect(kept.size).toBe(frame.topK);
          expect(ids.map((column) => decoded[row]![column])).toEqual(ids.map((column) => logits[column]));
          const smallestKept = Math.min(...ids.map((column) => logits[column]!));
          for (const [column, logit] of logits.entries()) {
            if (!kept.has(column)) expect(logit).toBeLessThanOrEqual(smallestKept);
          }
          const was = massOutside(logits, kept, view.header.temperature);
          const is = massOutside(decoded[row]!, kept, view.header.temperature);
          // A logit of 40 has a unit of 4e-6; divided by the smallest temperature that is 8e-5 of a share.
          expect(Math.abs(is - was)).toBeLessThanOrEqual(2e-4 * was + 1e-40);
        }
      }),
    );
  });

  test('top-k Float16: as Float32, with kept logits to the nearest half and the same mass outside', () => {
    fc.assert(
      fc.property(frames(false, ['Float16'], 40), (frame) => {
        const view = viewFrame(encodeFrame(frame));
        if (view.layout !== 'topK') throw new Error('expected a top-k frame');
        const decoded = rowsOf(decodeLogits(view), frame.columns);
        for (const [row, logits] of rowsOf(frame.logits, frame.columns).entries()) {
          const kept = new Set(view.ids.subarray(row * frame.topK, (row + 1) * frame.topK));
          for (const column of kept) {
            const tolerance = Math.max(Math.abs(logits[column]!) * 2 ** -11, 2 ** -25);
            expect(Math.abs(decoded[row]![column]! - logits[column]!)).toBeLessThanOrEqual(tolerance);
          }
          const was = massOutside(logits, kept, view.header.temperature);
          const is = massOutside(decoded[row]!, kept, view.header.temperature);
          expect(Math.abs(is - was)).toBeLessThanOrEqual(2e-4 * was + 1e-40);
        }
      }),
    );
  });

  test('equal frames have equal bytes', () => {
    fc.assert(fc.property(anyFrame, (frame) => expect(encodeFrame(frame)).toEqual(encodeFrame({ ...frame }))));
  });
});

/** What reading gives: the decoded logits, or the kind of the FrameError. Any other throw fails the test. */
function read(bytes: Uint8Array): Float32Array | string {
  try {
    return decodeLogits(viewFrame(bytes));
  } catch (error) {
    if (error instanceof FrameError) return error.reason;
    throw error;
  }
}

describe('what is not a whole, unharmed frame is a FrameError', () => {
  test('every single flipped bit of a frame', () => {
    fc.assert(
      fc.property(anyFrame, (frame) => {
        const bytes = encodeFrame(frame);
        const unnoticed: number[] = [];
        for (let bit = 0; bit < bytes.length * 8; bit++) {
          const mask = 1 << (bit & 7);
          bytes[bit >> 3]! ^= mask;
          if (typeof read(bytes) !== 'string') unnoticed.push(bit);
          bytes[bit >> 3]! ^= mask;
        }
        expect(unnoticed).toEqual([]);
        expect(read(bytes)).toBeInstanceOf(Float32Array);
      }),
      { numRuns: 25 },
    );
  });

  test('every truncation, and any bytes behind it', () => {
    fc.assert(
      fc.property(anyFrame, fc.uint8Array({ minLength: 1, maxLength: 70 }), (frame, extra) => {
        const bytes = encodeFrame(frame);
        const kinds = Array.from(bytes, (_, length) => read(bytes.subarray(0, length)));
        expect(new Set(kinds)).toEqual(new Set(['truncated']));
        expect(read(Uint8Array.from([...bytes, ...extra]))).toBe('malformed');
      }),
      { numRuns: 25 },
    );
  });

  test('random bytes, alone and behind the magic', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(typeof read(bytes)).toBe('string');
        expect(typeof read(Uint8Array.from([0x44, 0x53, 0x4c, 0x46, 1, ...bytes]))).toBe('string');
      }),
    );
  });

  test('a faulty writer with correct checksums gives a FrameError or logits of the announced shape, all finite', () => {
    fc.assert(
      fc.property(
        anyFrame,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { minLength: 1, maxLength: 6 }),
        (frame, changes) => {
          const bytes = encodeFrame(frame);
          for (const [at, value] of changes) bytes[at % bytes.length] = value;
          const view = new DataView(bytes.buffer);
          view.setUint32(52, crc32c(bytes.subarray(64)), true);
          view.setUint32(60, crc32c(bytes.subarray(0, 60)), true);
          // A top-k frame may announce up to 32 Mi columns and be right: decoding each such would take minutes.
          if (view.getUint32(24, true) > 10_000) return;
          const result = read(bytes);
          if (typeof result === 'string') return;
          const { rows, columns } = readHeader(bytes);
          expect(result.length).toBe(rows * columns);
          expect(result.every((logit) => Number.isFinite(logit))).toBe(true);
        },
      ),
      { numRuns: 2000 },
    );
  });
});
