/** Fields whose values go into the model as they are: numbers, texts, and both ends of a file's bytes. Pure. */
import type { DatasetField } from '@distillery/protocol';

import { BadRow } from '../../tables/index.js';
import type { Tensor } from '../../samples/index.js';
import { cellsOf, shownCell, textOfBytes } from './cells.js';
import type { InputField } from './field.js';
import { joinNumbers, type NumericColumn } from './numbers.js';

type FieldOf<Type extends DatasetField['type']> = Extract<DatasetField, { readonly type: Type }>;

/** Longest text of one sample, in UTF-16 units: a row of another kind must not fill the memory of a batch. */
const maxTextLength = 1 << 20;
/** Bytes at each end of a file in which whitespace is left out. */
const stripBlock = 4_096;

/** @param shape of one sample, with as many values as the columns have together */
export function tensorField(
  { name, dtype }: FieldOf<'tensor'>,
  columns: readonly NumericColumn[],
  shape: readonly number[],
): InputField {
  const kind = dtype === 'Float32' ? 'float32' : 'int32';
  return {
    name,
    columns: columns.map((column) => column.name),
    identity: ['tensor', dtype, shape, columns],
    spec: { dtype: kind, shape, kind: 'plain' },
    decode: (values, rows) => {
      const { content, bad } = joinNumbers(values, columns, rows, kind);
      const all = [rows, ...shape];
      const tensor: Tensor =
        content instanceof Float32Array
          ? { dtype: 'float32', shape: all, data: content }
          : { dtype: 'int32', shape: all, data: content };
      return Promise.resolve({ content: tensor, bad });
    },
  };
}

export function textField({ name }: FieldOf<'text'>, column: string): InputField {
  return {
    name,
    columns: [column],
    identity: ['text', column],
    spec: { dtype: 'text', shape: [], kind: 'plain' },
    decode: (values, rows) => {
      const bad = new Map<number, string>();
      const data = cellsOf(values, column).map((cell, row) => {
        const text = cell instanceof Uint8Array && cell.length <= maxTextLength ? textOfBytes(cell) : cell;
        if (typeof text === 'string' && text.length <= maxTextLength) return text;
        if (typeof cell === 'number' || typeof cell === 'bigint') return String(cell);
        bad.set(row, `column ${column}: ${textProblem(cell)}`);
        return '';
      });
      return Promise.resolve({ content: { dtype: 'text', shape: [rows], data }, bad });
    },
  };
}

function textProblem(cell: Parameters<typeof shownCell>[0] | BadRow): string {
  if (cell instanceof BadRow) return cell.problem;
  if (cell instanceof Uint8Array && cell.length <= maxTextLength) return 'it holds bytes that are no UTF-8';
  if (typeof cell !== 'string') return `it holds ${shownCell(cell)}, expected a text`;
  return `it holds a text of ${String(cell.length)} characters, expected at most ${String(maxTextLength)}`;
}

const largestByte = 255;

/** Bytes as int32 [head + tail]: the first ones from the left, the last ones to the right, padding between. */
export function bytesField(field: FieldOf<'bytes'>, column: string): InputField {
  const { name, head, tail, padding, strip } = field;
  const size = head + tail;
  return {
    name,
    columns: [column],
    identity: ['bytes', column, head, tail, padding, strip],
    spec: { dtype: 'int32', shape: [size], kind: 'plain', values: Math.max(largestByte, padding) + 1 },
    decode: (values, rows) => {
      const bad = new Map<number, string>();
      const data = new Int32Array(rows * size).fill(padding);
      for (const [row, cell] of cellsOf(values, column).entries()) {
        const bytes = typeof cell === 'string' ? Buffer.from(cell) : cell;
        if (bytes instanceof Uint8Array) bothEnds(data.subarray(row * size, (row + 1) * size), bytes, field);
        else if (bytes instanceof BadRow) bad.set(row, bytes.problem);
        else bad.set(row, `column ${column}: it holds ${shownCell(bytes)}, expected bytes`);
      }
      return Promise.resolve({ content: { dtype: 'int32', shape: [rows, size], data }, bad });
    },
  };
}

/**
 * As magika (Google's file type detector) reads a file: whitespace is left out at the start of the first block and at the
 * end of the last one, and nowhere else.
 */
function bothEnds(into: Int32Array, bytes: Uint8Array, { head, tail, strip }: FieldOf<'bytes'>): void {
  const first = bytes.subarray(0, Math.max(stripBlock, head));
  const last = bytes.subarray(Math.max(0, bytes.length - Math.max(stripBlock, tail)));
  let start = 0;
  let end = last.length;
  if (strip) {
    while (start < first.length && isWhitespace(first[start] ?? 0)) start++;
    while (end > 0 && isWhitespace(last[end - 1] ?? 0)) end--;
  }
  into.set(first.subarray(start, start + head), 0);
  const ending = last.subarray(Math.max(0, end - tail), end);
  into.set(ending, head + tail - ending.length);
}

/** Space, tab, line feed, vertical tab, form feed, carriage return. */
function isWhitespace(byte: number): boolean {
  return byte === 0x20 || (byte >= 0x09 && byte <= 0x0d);
}
