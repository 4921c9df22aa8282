/**
 * Student and teachers read the same texts, whatever tokenizers they have: the first teacher wrote digests of what it read into
 * the reference answers, and the student compares its own before it trains the first of these teachers' steps.
 */
import type { Reference } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';
import type { Split } from '../samples/index.js';
import { readTexts } from '../models/training.js';

/**
 * @param reference of the job's teachers; null = there is none, as after a lost stream
 * @throws WorkerError terminal for a sample whose text is another one than the first teacher read
 */
export async function checkSameTexts(split: Split, reference: Reference | null): Promise<void> {
  if (reference?.texts === undefined) return;
  const { indices, texts } = reference;
  const remedy = 'give teachers and student the same data set';
  const missing = indices.find((index) => index >= split.length);
  if (missing !== undefined) {
    throw new WorkerError('terminal', {
      about: 'data set',
      found: `${String(split.length)} training samples`,
      expected: `sample ${String(missing)}, which the job's first teacher read`,
      remedy,
    });
  }
  const own = readTexts(await split.read(indices));
  const at = own?.findIndex((text, row) => text !== texts[row]?.read) ?? -1;
  if (at < 0) return;
  throw new WorkerError('terminal', {
    about: `data set, sample ${String(indices[at])}`,
    problem: "the text is not the one that the job's first teacher read",
    remedy,
  });
}
