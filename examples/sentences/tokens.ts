/** The tokens of teacher and student, and the static model that is made of them. */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

import type { DatasetSettings } from '../../dist/workers/data/index.js';
import { openTokenizer } from '../../dist/workers/inputs/index.js';
import { openTextModel, textsOf } from '../../scripts/examples/texts.ts';

import { type Matrix, staticEmbeddings, type StaticModel, staticVectors, tokenWeights } from './static.ts';

/** What the teacher answers, as the job says it. */
export const embedding = { kind: 'Embedding', pooling: 'Mean', normalize: true } as const;
/** Ids below are not words: padding, special and unused tokens. */
export const firstPiece = 999;
/** Columns of the teacher's answer. */
export const width = 384;
/** As in the job. */
export const maxTokens = 32;
const text = { text: { kind: 'plain', dtype: 'text', shape: [] } } as const;

export function tokenizerIn(
  data: string,
  side: 'teacher' | 'student',
): { tokenizer: { path: string; maxTokens: number } } {
  return { tokenizer: { path: join(data, side, 'tokenizer.json'), maxTokens } };
}

/** A WordPiece tokenizer with the tokens of the first ids. */
export function withFirst(count: number, tokenizer: string): string {
  const content = JSON.parse(tokenizer) as { model: { vocab: Record<string, number> } };
  const kept = Object.entries(content.model.vocab).filter(([, id]) => id < count);
  return JSON.stringify({ ...content, model: { ...content.model, vocab: Object.fromEntries(kept) } });
}

/** The teacher's embedding of each token of the student's tokenizer alone; 0 for special ones. */
export async function tokenVectors(data: string, stop: AbortSignal): Promise<Matrix> {
  const { tokenizer } = tokenizerIn(data, 'student');
  const tokens = await openTokenizer(tokenizer.path, tokenizer);
  const rows = tokens.vocabularySize;
  const values = new Float32Array(rows * width);
  const model = await openTextModel(
    { path: join(data, 'teacher.onnx'), ...tokenizerIn(data, 'teacher'), output: embedding },
    text,
  );
  const batch = 64;
  try {
    for (let start = firstPiece; start < rows; start += batch) {
      stop.throwIfAborted();
      const count = Math.min(batch, rows - start);
      const texts = Array.from({ length: count }, (_, at) => tokens.decode([start + at]).replace(/^##/, ''));
      const answers = await model.infer({ count, inputs: { text: { dtype: 'text', shape: [count], data: texts } } });
      values.set(answers, start * width);
    }
  } finally {
    await model.close();
  }
  return { rows, columns: width, values };
}

/** Ids of the pieces of words in each text, from 0. */
async function piecesOf(data: string, texts: readonly string[]): Promise<number[][]> {
  const { tokenizer } = tokenizerIn(data, 'student');
  const tokens = await openTokenizer(tokenizer.path, tokenizer);
  return texts.map((each) =>
    tokens
      .encode(each)
      .ids.map((id) => id - firstPiece)
      .filter((id) => id >= 0),
  );
}

/**
 * The static model of `tokens.f32`: a row for each piece of a word, from `firstPiece` on.
 * @param train texts whose words count @param size columns, at most those of the teacher
 */
export async function staticModel(data: string, train: readonly string[], size: number): Promise<StaticModel> {
  const all = new Float32Array(Uint8Array.from(readFileSync(join(data, 'tokens.f32'))).buffer);
  const values = all.subarray(firstPiece * width);
  const rows = values.length / width;
  const counts = Array.from({ length: rows }, () => 0);
  for (const id of (await piecesOf(data, train)).flat()) counts[id] = (counts[id] ?? 0) + 1;
  return staticVectors({ rows, columns: width, values }, tokenWeights(counts), Math.min(width, size));
}

/** The static model's answers to the held-out texts. @param bytes size of its vectors, at most */
export async function staticAnswers(data: string, dataset: DatasetSettings, bytes: number): Promise<Float32Array> {
  const rows = statSync(join(data, 'tokens.f32')).size / Float32Array.BYTES_PER_ELEMENT / width - firstPiece;
  const size = Math.floor(bytes / Float32Array.BYTES_PER_ELEMENT / rows);
  const vectors = await staticModel(data, await textsOf(dataset, 'train'), size);
  return staticEmbeddings(vectors, await piecesOf(data, await textsOf(dataset, 'test')));
}
