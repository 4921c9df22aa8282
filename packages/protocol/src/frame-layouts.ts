/**
 * The layouts of a frame's body as one table: code of the encoding byte, bytes of a row, the way in and the way out
 * (docs/protocol.md "Logits frame"). A new layout is a new line of the table.
 */
import { FrameError, malformed, nonFinite } from './frame-error.js';
import { largestColumns, remainingMass, spreadRow } from './top-k.js';

/** Type of each logit in the body. */
export type ValueEncoding = 'Float32' | 'Float16';

export interface FrameHeader {
  readonly encoding: ValueEncoding;
  /** Logits kept per row; 0 = dense, all of them. */
  readonly topK: number;
  readonly step: number;
  readonly shard: number;
  /** Prediction positions in this frame, see shards.ts. */
  readonly rows: number;
  readonly columns: number;
  /** First 8 bytes of the SHA-256 of the teacher's model files, 16 lower-case hex digits. */
  readonly teacherDigest: string;
  /** Seed of the augmentation that the teacher saw. */
  readonly augmentSeed: number;
  /** Temperature at which the remaining mass was taken; 0 when dense. A float32. */
  readonly temperature: number;
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

/** The fields of a header that size a body. */
type RowShape = Pick<FrameHeader, 'columns' | 'encoding' | 'topK'>;

interface FrameLayout<F extends Frame> {
  /** Codes of the encoding byte. */
  readonly code: Readonly<Record<ValueEncoding, number>>;
  bytesPerRow(shape: RowShape): number;
  /** Offset in the payload at which the arrays can be mapped without a copy: a multiple of this. */
  alignment(encoding: ValueEncoding): number;
  /** The arrays of a body where they lie in `bytes`, from byte `start` of its buffer. */
  map(bytes: Uint8Array, start: number, header: FrameHeader): F;
  /** Fills the body from logits [rows, columns]. */
  encode(frame: F, logits: Float32Array): void;
  /** Writes logits [rows, columns] as float32. */
  decode(frame: F, into: Float32Array): void;
  /** Column of the logits of the value at `at`. */
  columnOf(frame: F, at: number): number;
  /** @throws FrameError when a part of the body other than its values is wrong */
  check(frame: F): void;
}

const valueBytes: Readonly<Record<ValueEncoding, number>> = { Float32: 4, Float16: 2 };

const dense: FrameLayout<DenseFrame> = {
  code: { Float32: 0, Float16: 1 },
  bytesPerRow: ({ columns, encoding }) => columns * valueBytes[encoding],
  alignment: (encoding) => valueBytes[encoding],
  map: (bytes, start, header) => ({
    layout: 'dense',
    header,
    values: mapValues(bytes, start, header.rows * header.columns, header.encoding),
  }),
  encode: ({ values }, logits) => {
    values.set(logits);
  },
  decode: ({ values }, into) => {
    into.set(values);
  },
  columnOf: ({ header }, at) => at % header.columns,
  check: () => undefined,
};

/** Body order: ids, remaining mass, values. So every array is aligned and nothing is padded. */
const topK: FrameLayout<TopKFrame> = {
  code: { Float32: 2, Float16: 3 },
  bytesPerRow: (shape) => shape.topK * (4 + valueBytes[shape.encoding]) + 4,
  alignment: () => 4,
  map: (bytes, start, header) => {
    const { rows, encoding } = header;
    const kept = rows * header.topK;
    const afterIds = start + kept * 4;
    return {
      layout: 'topK',
      header,
      ids: new Uint32Array(bytes.buffer, start, kept),
      remaining: new Float32Array(bytes.buffer, afterIds, rows),
      values: mapValues(bytes, afterIds + rows * 4, kept, encoding),
    };
  },
  encode: ({ header, ids, remaining, values }, logits) => {
    const { rows, columns, topK: k, temperature } = header;
    const scratch = new Float32Array(columns);
    for (let row = 0; row < rows; row++) {
      const source = logits.subarray(row * columns, (row + 1) * columns);
      const kept = ids.subarray(row * k, (row + 1) * k);
      largestColumns(source, k, scratch, kept);
      for (const [at, column] of kept.entries()) values[row * k + at] = source[column] ?? 0;
      remaining[row] = remainingMass(source, kept, temperature);
    }
  },
  decode: ({ header, ids, remaining, values }, into) => {
    const { rows, columns, topK: k, temperature } = header;
    for (let row = 0; row < rows; row++) {
      const kept = {
        ids: ids.subarray(row * k, (row + 1) * k),
        values: values.subarray(row * k, (row + 1) * k),
        mass: remaining[row] ?? 0,
      };
      spreadRow(kept, temperature, into.subarray(row * columns, (row + 1) * columns));
    }
  },
  columnOf: ({ ids }, at) => ids[at] ?? 0,
  check: ({ header, ids, remaining }) => {
    const { rows, columns, topK: k } = header;
    for (let row = 0; row < rows; row++) {
      const mass = remaining[row] ?? 0;
      if (!Number.isFinite(mass)) throw nonFinite(mass, row, undefined);
      if (mass < 0 || mass > 1 || (k === columns && mass !== 0)) {
        const expected = k === columns ? '0, since no column is left out' : 'a share from 0 to 1';
        throw malformed(`remaining mass of row ${String(row)}`, mass, expected);
      }
      let previous = -1;
      for (let at = row * k; at < (row + 1) * k; at++) {
        const column = ids[at] ?? 0;
        if (column <= previous || column >= columns) {
          const expected = `columns below ${String(columns)} in ascending order`;
          throw malformed(`column ids of row ${String(row)}`, `${String(column)} after ${String(previous)}`, expected);
        }
        previous = column;
      }
    }
  },
};

/** Importance-sampled logits (RS-KD): the code is reserved, the body is not defined yet. */
const sampled = {
  code: 4,
  refusal: { problem: 'sampled logits (encoding 4) are not supported yet', remedy: 'use Float32 or Float16' },
} as const;

/** Every layout that the protocol names. */
export const frameLayouts = { dense, topK, sampled } as const;

/** Name of the layout that a header chooses. */
export function layoutOf(header: Pick<FrameHeader, 'topK'>): Frame['layout'] {
  return header.topK === 0 ? 'dense' : 'topK';
}

/** Bytes of one row in a frame's body: the one place that says so. */
export function bytesPerRow(columns: number, encoding: ValueEncoding, k: number): number {
  return frameLayouts[layoutOf({ topK: k })].bytesPerRow({ columns, encoding, topK: k });
}

/** Bytes of the body that a header implies. */
export function bodyBytesOf({ encoding, topK: k, rows, columns }: FrameHeader): number {
  return rows * bytesPerRow(columns, encoding, k);
}

/** The encoding byte of a header. */
export function codeOf(header: FrameHeader): number {
  return frameLayouts[layoutOf(header)].code[header.encoding];
}

/** @throws FrameError (unsupported, malformed) for the code of a layout that cannot be read */
export function layoutOfCode(code: number): { readonly layout: Frame['layout']; readonly encoding: ValueEncoding } {
  if (code === sampled.code) throw new FrameError('unsupported', sampled.refusal);
  for (const layout of ['dense', 'topK'] as const) {
    for (const encoding of ['Float32', 'Float16'] as const) {
      if (frameLayouts[layout].code[encoding] === code) return { layout, encoding };
    }
  }
  throw malformed('encoding', code, `a code from 0 to ${String(sampled.code)}`);
}

/** The layout of `frame`, for calls with that frame. */
export function withLayout<Result>(
  frame: Frame,
  use: <F extends Frame>(layout: FrameLayout<F>, frame: F) => Result,
): Result {
  return frame.layout === 'dense' ? use(dense, frame) : use(topK, frame);
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
