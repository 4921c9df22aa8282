/** What a teacher takes, by the types, shapes and names of its inputs. Pure. */
import type { Undecided } from './outcome.js';
import { refuse } from './outcome.js';
import type { DatasetFormat, SeenInput } from './seen.js';

export type Need =
  /** One picture; `axes` after the batch. */
  | { readonly kind: 'image'; readonly input: SeenInput; readonly axes: readonly (number | null)[] }
  /** One text, as tokens. `plain` = an input whose name does not say that it takes token ids. */
  | { readonly kind: 'text'; readonly inputs: readonly SeenInput[]; readonly plain: SeenInput | null }
  /** The bytes of a file. */
  | { readonly kind: 'bytes'; readonly input: SeenInput; readonly length: number | null }
  /** One row of numbers; `width` null = any number of them. */
  | { readonly kind: 'numbers'; readonly input: SeenInput; readonly width: number | null }
  /** Several inputs, each of a column of its name. */
  | { readonly kind: 'columns'; readonly inputs: readonly SeenInput[] };

const tokenNames = new Set(['input_ids', 'attention_mask', 'token_type_ids']);
const wholeTypes = new Set(['int32', 'int64', 'uint8', 'int8']);

export const needWords: Readonly<Record<Need['kind'], string>> = {
  image: 'pictures',
  text: 'the tokens of texts',
  bytes: 'the bytes of files',
  numbers: 'rows of numbers',
  columns: 'several columns',
};

/** Formats that can hold what a teacher takes. */
export const formatsFor: Readonly<Record<Need['kind'], readonly DatasetFormat[]>> = {
  image: ['imageFolder', 'webdataset', 'idx', 'npy', 'parquet'],
  text: ['jsonl', 'csv', 'parquet', 'webdataset', 'npy'],
  bytes: ['files', 'webdataset', 'parquet', 'jsonl', 'csv'],
  numbers: ['csv', 'parquet', 'npy', 'jsonl', 'idx', 'imageFolder', 'webdataset'],
  columns: ['csv', 'parquet', 'jsonl', 'npy', 'webdataset'],
};

/** @param hasTokenizer whether a tokenizer lies in the folder or was named */
export function needOf(path: string, inputs: readonly SeenInput[], hasTokenizer: boolean): Need | Undecided {
  const [only, another] = inputs;
  if (only === undefined) return refuse(path, 'the model has no inputs', 'use another model');
  if (inputs.some(({ name }) => tokenNames.has(name))) {
    const other = inputs.find(({ name }) => !tokenNames.has(name));
    if (other === undefined) return { kind: 'text', inputs, plain: null };
    return refuse(
      path,
      `it takes tokens and an input ${other.name} of ${other.dtype}, which no tokenizer gives`,
      'export the model without that input, or write teacher.inputs by hand (docs/models.md)',
    );
  }
  if (another !== undefined) return { kind: 'columns', inputs };
  const [, ...axes] = only.shape;
  if (axes.length === 3 || (axes.length === 2 && isPlane(axes))) return { kind: 'image', input: only, axes };
  if (axes.length !== 1 || !wholeTypes.has(only.dtype)) {
    return { kind: 'numbers', input: only, width: axes.length === 0 ? 1 : productOf(axes) };
  }
  if (hasTokenizer && only.dtype !== 'uint8') return { kind: 'text', inputs, plain: only };
  return { kind: 'bytes', input: only, length: axes[0] ?? null };
}

const leastSide = 8;

/** A gray picture without an axis of channels, rather than a row of short rows. */
function isPlane([height, width]: readonly (number | null)[]): boolean {
  return typeof height === 'number' && typeof width === 'number' && Math.min(height, width) >= leastSide;
}

/** null = one of them is free. */
function productOf(axes: readonly (number | null)[]): number | null {
  return axes.reduce<number | null>((product, axis) => (product === null || axis === null ? null : product * axis), 1);
}
