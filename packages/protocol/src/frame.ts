/**
 * The logits frame: a teacher's answer for one (shard, step) as bytes, and back (docs/protocol.md "Logits frame").
 *
 * Invariants: a frame that is read is whole, unharmed and finite, or there is a FrameError and nothing else; arrays
 * are mapped where they lie when the payload is aligned; equal input gives equal bytes.
 *
 * Half floats are the engine's own Float16Array: on Node 24 it converts 1 Mi values in 1.6 ms and back in 0.9 ms, as
 * fast as lookup tables (1.8 and 1.0 ms), and rounds to nearest even, which the tables do not.
 */
import { FrameError } from './frame-error.js';
import {
  bodyBytesOf,
  checkBody,
  checkHeader,
  headerBytes,
  malformed,
  readHeader,
  writeHeader,
} from './frame-header.js';
import type { FrameHeader, ValueEncoding } from './frame-header.js';
import { largestColumns, remainingMass, spreadRow } from './top-k.js';

export interface FrameInput extends FrameHeader {
  /** Temperature at which the remaining mass is taken; a dense frame has none and stores 0 whatever is given. */
  readonly temperature: number;
  /** [rows, columns], row-major. */
  readonly logits: Float32Array;
}

interface Values {
  readonly header: FrameHeader;
  /** Dense: [rows, columns]. Top-k: [rows, k], in the order of `ids`. */
  readonly values: Float32Array | Float16Array;
}
export interface DenseFrame extends Values {
  readonly layout: 'dense';
}
export interface TopKFrame extends Values {
  readonly layout: 'topK';
  /** [rows, k]: the column of each value, ascending in a row. */
  readonly ids: Uint32Array;
  /** [rows]: softmax mass of the other columns at the header's temperature. */
  readonly remaining: Float32Array;
}
export type Frame = DenseFrame | TopKFrame;

/**
 * One frame in its own buffer.
 * @throws FrameError (nonFinite) naming row and column, also where a logit is too large for a half float; (malformed)
 * when a field is out of range, the array does not fit or the frame would be larger than `maxFrameBytes`
 */
export function encodeFrame({ logits, ...given }: FrameInput): Uint8Array {
  // What a reader will see, so that the mass belongs to the temperature stored with it.
  const header: FrameHeader = { ...given, temperature: given.topK === 0 ? 0 : Math.fround(given.temperature) };
  checkHeader(header);
  const { rows, columns, topK, encoding } = header;
  if (logits.length !== rows * columns) {
    throw malformed('logits', `${String(logits.length)} values`, `${String(rows)} rows of ${String(columns)} columns`);
  }
  const odd = firstNonFinite(logits);
  if (odd >= 0) throw nonFinite(logits[odd], Math.floor(odd / columns), odd % columns);
  const bytes = new Uint8Array(headerBytes + bodyBytesOf(header));
  const body = mapBody(bytes, header);
  if (body.layout === 'dense') {
    body.values.set(logits);
  } else {
    const scratch = new Float32Array(columns);
    for (let row = 0; row < rows; row++) {
      const source = logits.subarray(row * columns, (row + 1) * columns);
      const ids = body.ids.subarray(row * topK, (row + 1) * topK);
      largestColumns(source, topK, scratch, ids);
      for (const [at, column] of ids.entries()) body.values[row * topK + at] = source[column] ?? 0;
      body.remaining[row] = remainingMass(source, ids, header.temperature);
    }
  }
  if (encoding === 'Float16') checkHalfRange(body, logits);
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
  const alignment = header.topK === 0 && header.encoding === 'Float16' ? 2 : 4;
  const frame = mapBody(payload.byteOffset % alignment === 0 ? payload : new Uint8Array(payload), header);
  const odd = firstNonFinite(frame.values);
  if (odd >= 0) {
    const perRow = frame.values.length / header.rows;
    const column = frame.layout === 'dense' ? odd % perRow : (frame.ids[odd] ?? 0);
    throw nonFinite(frame.values[odd], Math.floor(odd / perRow), column);
  }
  if (frame.layout === 'topK') checkTopK(frame);
  return frame;
}

/**
 * Logits [rows, columns] of a frame as float32, in an array of their own. A top-k row has its remaining mass spread
 * evenly over the columns that were left out (top-k.ts).
 * @param into where to write, exactly rows × columns values
 * @throws FrameError (malformed) when `into` has another size: the frame is not the one the caller planned for
 */
export function decodeLogits(frame: Frame, into?: Float32Array): Float32Array {
  const { rows, columns, topK, temperature } = frame.header;
  const logits = into ?? new Float32Array(rows * columns);
  if (logits.length !== rows * columns) {
    throw malformed('shape', `${String(rows)} rows of ${String(columns)} columns`, `${String(logits.length)} logits`);
  }
  if (frame.layout === 'dense') {
    logits.set(frame.values);
    return logits;
  }
  for (let row = 0; row < rows; row++) {
    const kept = {
      ids: frame.ids.subarray(row * topK, (row + 1) * topK),
      values: frame.values.subarray(row * topK, (row + 1) * topK),
      mass: frame.remaining[row] ?? 0,
    };
    spreadRow(kept, temperature, logits.subarray(row * columns, (row + 1) * columns));
  }
  return logits;
}

/** Header and logits of a payload in one go: `viewFrame`, then `decodeLogits`. @throws FrameError */
export function decodeFrame(payload: Uint8Array): { readonly header: FrameHeader; readonly logits: Float32Array } {
  const frame = viewFrame(payload);
  return { header: frame.header, logits: decodeLogits(frame) };
}

/** Body order: dense = values; top-k = ids, remaining mass, values. So every array is aligned and nothing is padded. */
function mapBody(bytes: Uint8Array, header: FrameHeader): Frame {
  const start = bytes.byteOffset + headerBytes;
  const { rows, columns, topK, encoding } = header;
  if (topK === 0) {
    return { layout: 'dense', header, values: mapValues(bytes, start, rows * columns, encoding) };
  }
  const afterIds = start + rows * topK * 4;
  return {
    layout: 'topK',
    header,
    ids: new Uint32Array(bytes.buffer, start, rows * topK),
    remaining: new Float32Array(bytes.buffer, afterIds, rows),
    values: mapValues(bytes, afterIds + rows * 4, rows * topK, encoding),
  };
}

function mapValues(
  bytes: Uint8Array,
  at: number,
  length: number,
  encoding: ValueEncoding,
): Float32Array | Float16Array {
  return encoding === 'Float32'
    ? new Float32Array(bytes.buffer, at, length)
    : new Float16Array(bytes.buffer, at, length);
}

function checkTopK({ header, ids, remaining }: TopKFrame): void {
  const { rows, columns, topK } = header;
  for (let row = 0; row < rows; row++) {
    const mass = remaining[row] ?? 0;
    if (!Number.isFinite(mass)) throw nonFinite(mass, row, undefined);
    if (mass < 0 || mass > 1 || (topK === columns && mass !== 0)) {
      const expected = topK === columns ? '0, since no column is left out' : 'a share from 0 to 1';
      throw malformed(`remaining mass of row ${String(row)}`, mass, expected);
    }
    let previous = -1;
    for (let at = row * topK; at < (row + 1) * topK; at++) {
      const column = ids[at] ?? 0;
      if (column <= previous || column >= columns) {
        const expected = `columns below ${String(columns)} in ascending order`;
        throw malformed(`column ids of row ${String(row)}`, `${String(column)} after ${String(previous)}`, expected);
      }
      previous = column;
    }
  }
}

function checkHalfRange(frame: Frame, logits: Float32Array): void {
  const odd = firstNonFinite(frame.values);
  if (odd < 0) return;
  const { columns } = frame.header;
  const perRow = frame.values.length / frame.header.rows;
  const row = Math.floor(odd / perRow);
  const column = frame.layout === 'dense' ? odd % perRow : (frame.ids[odd] ?? 0);
  const value = String(logits[row * columns + column]);
  throw new FrameError(
    'nonFinite',
    {
      problem: `row ${String(row)}, column ${String(column)}: ${value} is beyond half precision (65504): use encoding Float32`,
      remedy: '',
    },
    { row, column },
  );
}

function firstNonFinite(values: Float32Array | Float16Array): number {
  for (let at = 0; at < values.length; at++) if (!Number.isFinite(values[at])) return at;
  return -1;
}

function nonFinite(value: number | undefined, row: number, column: number | undefined): FrameError {
  const where = column === undefined ? 'remaining mass' : `column ${String(column)}`;
  return new FrameError(
    'nonFinite',
    {
      problem: `row ${String(row)}, ${where}: found ${String(value)}, expected a finite number: check the teacher's model and input`,
      remedy: '',
    },
    column === undefined ? { row } : { row, column },
  );
}
