/** A student trains on answers to the samples that it reads itself, so its data set must be that of the teachers. */
import type { Reference } from '@distillery/protocol';

import { WorkerError } from '../base/index.js';

/**
 * @param reference of the job's teachers; null = there is none, as after a lost stream
 * @param identity of the student's data set; null = its format has none
 * @throws WorkerError terminal when the two data sets differ; what `identity` throws
 */
export async function checkSameData(
  reference: Pick<Reference, 'dataIdentity'> | null,
  identity: () => Promise<string | null>,
): Promise<void> {
  const theirs = reference?.dataIdentity;
  if (theirs === undefined) return;
  const own = await identity();
  if (own === null || own === theirs) return;
  throw new WorkerError('terminal', {
    about: "the student's data set",
    found: own,
    expected: `${theirs} as the job's teachers have`,
    remedy:
      'give student and teachers the same files under dataset.uri, and workers of one release; then make a new job',
  });
}
