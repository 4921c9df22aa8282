/**
 * Student and teachers read the same texts, whatever tokenizers they have: the first teacher wrote digests of what it read into
 * the reference answers, and the student compares its own before it trains the first of these teachers' steps.
 */
import type { Reference } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';
import type { Split } from '../data/index.js';
import { readTexts } from '../models/training.js';
import type { LogitsSupply } from './supply.js';

/** @param reference reads the job's reference answers, which are there before any frame is; null = none */
export function checkingTexts(
  supply: LogitsSupply,
  split: Split,
  reference: () => Promise<Reference | null>,
): LogitsSupply {
  const hasTexts = Object.values(split.spec.inputs).some(({ dtype }) => dtype === 'text');
  if (!hasTexts) return supply;
  let checked: Promise<void> | null = null;
  return {
    get state() {
      return supply.state;
    },
    start: () => supply.start(),
    stop: () => supply.stop(),
    setPace: (pace) => supply.setPace(pace),
    take: async (step) => {
      const taken = await supply.take(step);
      if (taken !== 'stopped' && taken.logits !== null) {
        checked ??= reference().then((found) => (found === null ? undefined : checkTexts(split, found)));
        await checked;
      }
      return taken;
    },
  };
}

/** @throws WorkerError terminal for a sample whose text is another one than the first teacher read */
async function checkTexts(split: Split, { indices, texts }: Reference): Promise<void> {
  if (texts === undefined) return;
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
