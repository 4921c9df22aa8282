/**
 * The logits frame: a teacher's answer for one (shard, step) as bytes, and back (docs/protocol.md "Logits frame").
 *
 * A frame that is read is whole, unharmed and finite, or there is a FrameError and nothing else. Arrays are mapped where
 * they lie when the payload is aligned. Equal input gives equal bytes.
 *
 * Half floats are the engine's own Float16Array: on Node 24 it converts 1 Mi values in 1.6 ms and back in 0.9 ms, as
 * fast as lookup tables (1.8 and 1.0 ms), and rounds to nearest even, which the tables do not.
 */
import { FrameError, malformed, nonFinite } from './frame-error.js';
import { checkBody, checkHeader, headerBytes, readHeader, writeHeader } from './frame-header.js';
import { bodyBytesOf, frameLayouts, layoutOf, withLayout } from './frame-layouts.js';
import type { Frame, FrameHeader } from './frame-layouts.js';

export interface FrameInput extends FrameHeader {
  /** Temperature at which the remaining mass is taken; a dense frame has none and stores 0 whatever is given. */
  readonly temperature: number;
  /** [rows, columns], row-major. */
  readonly logits: Float32Array;
}

/**
 * One frame in its own buffer.
 * @throws FrameError (nonFinite) naming row and column, also where a logit is too large for a half float; (malformed)
 * when a field is out of range, the array does not fit or the frame would be larger than `maxFrameBytes`
 */
export function encodeFrame({ logits, ...given }: FrameInput): Uint8Array {
  // What a reader will see, so that the mass belongs to the temperature stored with it.
  const header: FrameHeader = { ...given, temperature: given.topK === 0 ? 0 : Math.fround(given.temperature) };
  checkHeader(header);
  const { rows, columns, encoding } = header;
  if (logits.length !== rows * columns) {
    throw malformed('logits', `${String(logits.length)} values`, `${String(rows)} rows of ${String(columns)} columns`);
  }
  const odd = firstNonFinite(logits);
  if (odd >= 0) throw nonFinite(logits[odd], Math.floor(odd / columns), odd % columns);
  const bytes = new Uint8Array(headerBytes + bodyBytesOf(header));
  const frame = mapBody(bytes, header);
  withLayout(frame, (layout, body) => {
    layout.encode(body, logits);
  });
  if (encoding === 'Float16') checkHalfRange(frame, logits);
  writeHeader(bytes, header);
  return bytes;
}

/**
 * The arrays of a frame where they lie in the payload, without a copy when its byteOffset suits them (a multiple of 4;
 * of 2 for dense Float16), else over one copy. The arrays are the payload's memory: do not transfer their buffer.
 * @throws FrameError
 */
export function viewFrame(payload: Uint8Array): Frame {
  const header = readHeader(payload);
  checkBody(payload, header);
  const alignment = frameLayouts[layoutOf(header)].alignment(header.encoding);
  const frame = mapBody(payload.byteOffset % alignment === 0 ? payload : new Uint8Array(payload), header);
  const odd = firstNonFinite(frame.values);
  if (odd >= 0) {
    const { row, column } = cellOf(frame, odd);
    throw nonFinite(frame.values[odd], row, column);
  }
  withLayout(frame, (layout, body) => {
    layout.check(body);
  });
  return frame;
}

/**
 * Logits [rows, columns] of a frame as float32, in an array of their own. A top-k row has its remaining mass spread
 * evenly over the columns that were left out (top-k.ts).
 * @param into where to write, exactly rows × columns values
 * @throws FrameError (malformed) when `into` has another size: the frame is not the one the caller planned for
 */
export function decodeLogits(frame: Frame, into?: Float32Array): Float32Array {
  const { rows, columns } = frame.header;
  const logits = into ?? new Float32Array(rows * columns);
  if (logits.length !== rows * columns) {
    throw malformed('shape', `${String(rows)} rows of ${String(columns)} columns`, `${String(logits.length)} logits`);
  }
  withLayout(frame, (layout, body) => {
    layout.decode(body, logits);
  });
  return logits;
}

/** Header and logits of a payload in one go: `viewFrame`, then `decodeLogits`. @throws FrameError */
export function decodeFrame(payload: Uint8Array): { readonly header: FrameHeader; readonly logits: Float32Array } {
  const frame = viewFrame(payload);
  return { header: frame.header, logits: decodeLogits(frame) };
}

function mapBody(bytes: Uint8Array, header: FrameHeader): Frame {
  return frameLayouts[layoutOf(header)].map(bytes, bytes.byteOffset + headerBytes, header);
}

/** Row of the frame and column of the logits of one value. */
function cellOf(frame: Frame, at: number): { readonly row: number; readonly column: number } {
  const row = Math.floor(at / (frame.values.length / frame.header.rows));
  return { row, column: withLayout(frame, (layout, body) => layout.columnOf(body, at)) };
}

function checkHalfRange(frame: Frame, logits: Float32Array): void {
  const odd = firstNonFinite(frame.values);
  if (odd < 0) return;
  const { row, column } = cellOf(frame, odd);
  const value = String(logits[row * frame.header.columns + column]);
  throw new FrameError(
    'nonFinite',
    {
      problem: `row ${String(row)}, column ${String(column)}: ${value} is beyond half precision (65504)`,
      remedy: 'use encoding Float32',
    },
    { row, column },
  );
}

/**
 * By bits, since a number that is not finite has all bits of its exponent set. The engine reads a Float16Array number by number
 * at a quarter of the speed, and now and then compiles the loop again.
 */
function firstNonFinite({ buffer, byteOffset, length, BYTES_PER_ELEMENT }: Float32Array | Float16Array): number {
  return BYTES_PER_ELEMENT === 2
    ? firstOfHalves(new Uint16Array(buffer, byteOffset, length))
    : firstOfSingles(new Uint32Array(buffer, byteOffset, length));
}

const halfExponent = 0x7c00;
const singleExponent = 0x7f800000;

function firstOfHalves(bits: Uint16Array): number {
  for (let at = 0; at < bits.length; at++) if (((bits[at] ?? 0) & halfExponent) === halfExponent) return at;
  return -1;
}

function firstOfSingles(bits: Uint32Array): number {
  for (let at = 0; at < bits.length; at++) if (((bits[at] ?? 0) & singleExponent) === singleExponent) return at;
  return -1;
}
