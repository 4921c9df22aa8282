/**
 * From what a model answers to logits: the output that is meant, what its numbers are, one row for each sample, and the
 * columns that the job keeps (design §8, stage "answer"). Pure.
 */
import { count } from '@distillery/base';

import { type Feed, shapeText } from '../../inputs/index.js';
import { ModelError } from './errors.js';
import type { SessionOutput, ModelOutput, OutputSettings } from './inference.js';

type Kind = NonNullable<OutputSettings['kind']>;

/** For messages: the model, and where its settings stand in the job. */
export interface AnswerSource {
  readonly path: string;
  /** "teacher" or "teacher.ensemble.members[0]" */
  readonly setting: string;
}

export interface Answer {
  readonly kind: Kind;
  /** Width of the logits. */
  readonly columns: number;
  /** What was recognized, and likely mistakes, in sentences. */
  readonly notes: readonly string[];
  /**
   * @param mask 1 for each token of a text and 0 for its filling, [rows, tokens]; null = every token counts
   * @returns [rows, columns]
   * @throws ModelError when the answer has another shape than the first one
   */
  logitsOf(output: SessionOutput, rows: number, mask: Feed | null): Float32Array;
}

/** Smallest probability: what lies below is float32's rounding, and the logarithm of 0 is no number. */
const leastProbability = 1e-12;
const leastSigmoid = 1e-7;

/** @throws ModelError when the settings name no output, or leave several */
export function outputOf(
  { path, setting }: AnswerSource,
  outputs: readonly ModelOutput[],
  { name }: OutputSettings,
): ModelOutput {
  const all = outputs.map((output) => `${output.name} (${output.type})`).join(', ');
  if (name !== undefined) {
    const named = outputs.find((output) => output.name === name);
    if (named?.isFloat === true) return named;
    throw new ModelError({
      path,
      found: named === undefined ? `${setting}.output.name ${name}` : `an output ${name} of ${named.type}`,
      expected: `an output of floating-point numbers: ${all}`,
      remedy: `correct ${setting}.output.name`,
    });
  }
  const [only, another] = outputs.filter(({ isFloat }) => isFloat);
  if (only !== undefined && another === undefined) return only;
  throw new ModelError({
    path,
    found: `${count(outputs.length, 'output')}: ${all}`,
    expected:
      only === undefined ? 'an output of floating-point numbers' : `${setting}.output.name to say which one is meant`,
    remedy: only === undefined ? remedyWithoutNumbers(outputs) : 'set it to the output with the logits',
  });
}

/** Converters of trees and of scikit-learn end a classifier with ZipMap, a list of maps from label to probability. */
function remedyWithoutNumbers(outputs: readonly ModelOutput[]): string {
  const isZipped = outputs.some(({ operator }) => operator === 'ZipMap');
  return isZipped
    ? "export the model without ZipMap: options={'zipmap': False} of skl2onnx, zipmap=False of onnxmltools"
    : 'export the model with its logits';
}

/**
 * Decides by the settings, by the operator that ends the model, and by a first answer, what the numbers are.
 * @param first the answer to `rows` made-up samples
 * @throws ModelError when it has not one row for each sample
 */
export function answerOf(
  where: AnswerSource,
  { operator }: ModelOutput,
  settings: OutputSettings,
  first: SessionOutput,
  rows: number,
): Answer {
  const rowsOf = rowReader(where, settings, rows, first);
  const numbers = rowsOf(first, rows, null);
  const width = numbers.length / rows;
  const isSum1 = width > 1 && looksLikeProbabilities(numbers, width);
  const recognized: Kind =
    operator === 'Sigmoid' ? 'Sigmoid' : operator === 'Softmax' || isSum1 ? 'Probabilities' : 'Logits';
  // A pooled row of tokens is an embedding, as the student assumes (loss-settings.ts).
  const kind = settings.kind ?? (settings.pooling === undefined ? recognized : 'Embedding');
  const kept = columnsOf(where, width, settings);
  return {
    kind,
    columns: kept?.length ?? width,
    notes: notesOf(where, kind, settings.kind, recognized, operator),
    logitsOf: (output, count, mask) => {
      const values = asLogits(kind, rowsOf(output, count, mask));
      if (values.length !== count * width)
        throw shapeFault(where, output.shape, count, `[${String(count)}, ${String(width)}]`);
      if (settings.normalize === true) normalizeRows(values, width);
      return kept === null ? values : selected(values, width, kept);
    },
  };
}

function notesOf(
  { setting }: AnswerSource,
  kind: Kind,
  set: Kind | undefined,
  recognized: Kind,
  operator: string | null,
): string[] {
  const end =
    operator === 'Softmax' || operator === 'Sigmoid' ? `the operator ${operator} ends the model` : 'each row sums to 1';
  if (set === undefined && kind === 'Probabilities') {
    return [`the teacher answers probabilities (${end}); their logarithm is distilled`];
  }
  if (set === undefined && kind === 'Sigmoid') {
    return [`the teacher answers one probability for each class (${end}); their logits are distilled`];
  }
  if (set === 'Logits' && recognized !== 'Logits') {
    return [
      `${setting}.output.kind is Logits, but the answers look like probabilities (${end}); set it to ${recognized}`,
    ];
  }
  return [];
}

type ReadRows = (output: SessionOutput, rows: number, mask: Feed | null) => Float32Array;

/** One row of numbers for each sample. @throws ModelError */
function rowReader(where: AnswerSource, { pooling }: OutputSettings, rows: number, first: SessionOutput): ReadRows {
  const shape = squeezed(first.shape);
  if (shape.length === 2 || shape.length === 1) {
    return (output, count) => {
      const found = squeezed(output.shape);
      if (found[0] !== count || found.length > 2)
        throw shapeFault(where, output.shape, count, `[${String(count)}, classes]`);
      return output.data;
    };
  }
  if (shape.length === 3 && pooling !== undefined) {
    return (output, count, mask) => {
      if (output.shape.length !== 3 || output.shape[0] !== count) {
        throw shapeFault(where, output.shape, count, `[${String(count)}, tokens, width]`);
      }
      return pooled(output, mask, pooling);
    };
  }
  if (shape.length === 3 && shape[0] === rows) {
    throw new ModelError({
      path: where.path,
      found: `an answer of shape ${shapeText(first.shape)} for ${String(rows)} samples`,
      expected: 'one row for each sample',
      remedy: `set ${where.setting}.output.pooling to Mean or First, or export the model with logits as its output`,
    });
  }
  throw shapeFault(where, first.shape, rows, `[${String(rows)}, classes]`);
}

function shapeFault({ path }: AnswerSource, shape: readonly number[], rows: number, expected: string): ModelError {
  return new ModelError({
    path,
    found: `an answer of shape ${shapeText(shape)} for ${String(rows)} samples`,
    expected,
    remedy: 'export the model with logits as its only output, one row for each sample',
  });
}

/** Without the axes of length 1 after the second: [N, 10, 1, 1] is [N, 10]. */
function squeezed(shape: readonly number[]): readonly number[] {
  let end = shape.length;
  while (end > 2 && shape[end - 1] === 1) end--;
  return shape.slice(0, end);
}

/** [rows, tokens, width] as [rows, width]. */
function pooled({ data, shape }: SessionOutput, mask: Feed | null, pooling: 'Mean' | 'First'): Float32Array {
  const [rows = 0, tokens = 0, width = 0] = shape;
  const answer = new Float32Array(rows * width);
  for (let row = 0; row < rows; row++) {
    const start = row * tokens * width;
    if (pooling === 'First') {
      answer.set(data.subarray(start, start + width), row * width);
      continue;
    }
    let counted = 0;
    for (let token = 0; token < tokens; token++) {
      if (mask !== null && Number(mask.data[row * tokens + token] ?? 0) === 0) continue;
      counted++;
      for (let at = 0; at < width; at++) {
        answer[row * width + at] = (answer[row * width + at] ?? 0) + (data[start + token * width + at] ?? 0);
      }
    }
    for (let at = 0; at < width; at++)
      answer[row * width + at] = (answer[row * width + at] ?? 0) / Math.max(1, counted);
  }
  return answer;
}

/** In place, but for the model's own array. */
function asLogits(kind: Kind, values: Float32Array): Float32Array {
  switch (kind) {
    case 'Logits':
    case 'Embedding':
      return values;
    case 'Probabilities':
      return values.map((value) => Math.log(Math.max(value, leastProbability)));
    case 'Sigmoid':
      return values.map((value) => {
        const bounded = Math.min(Math.max(value, leastSigmoid), 1 - leastSigmoid);
        return Math.log(bounded / (1 - bounded));
      });
  }
}

function normalizeRows(values: Float32Array, width: number): void {
  for (let start = 0; start < values.length; start += width) {
    let sum = 0;
    for (let at = start; at < start + width; at++) sum += (values[at] ?? 0) ** 2;
    const length = Math.sqrt(sum);
    if (length === 0) continue;
    for (let at = start; at < start + width; at++) values[at] = (values[at] ?? 0) / length;
  }
}

/** @throws ModelError for a column that the answer does not have */
function columnsOf(
  { path, setting }: AnswerSource,
  width: number,
  { columns }: OutputSettings,
): readonly number[] | null {
  if (columns === undefined) return null;
  const stray = columns.find((column) => column >= width);
  if (stray === undefined) return columns;
  throw new ModelError({
    path,
    found: `column ${String(stray)} in ${setting}.output.columns`,
    expected: `0 to ${String(width - 1)}, as the teacher answers ${String(width)} numbers`,
    remedy: `correct ${setting}.output.columns`,
  });
}

function selected(values: Float32Array, width: number, columns: readonly number[]): Float32Array {
  const rows = values.length / width;
  const kept = new Float32Array(rows * columns.length);
  for (let row = 0; row < rows; row++) {
    for (const [at, column] of columns.entries()) kept[row * columns.length + at] = values[row * width + column] ?? 0;
  }
  return kept;
}

function looksLikeProbabilities(data: Float32Array, columns: number): boolean {
  for (let start = 0; start < data.length; start += columns) {
    const row = data.subarray(start, start + columns);
    const sum = row.reduce((total, value) => total + value, 0);
    if (!row.every((value) => value >= 0 && value <= 1) || Math.abs(sum - 1) > 1e-3) return false;
  }
  return true;
}
