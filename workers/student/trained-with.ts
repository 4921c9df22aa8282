/**
 * The instruction set that a student which continues was trained with so far: it keeps it where its processor has it, so that
 * its bits stay those of an undisturbed run (ADR 70).
 *
 * It is read before the trainer opens, which cannot change the set anymore. The stores are open to an attempt after the
 * first alone: a first one makes nothing before its model is known to be good.
 */
import { type InstructionSet, type JobNames } from '@distillery/protocol';

import { instructionSetIn, nativeMissing, noNative } from '../compute/index.js';
import type { WorkerContext } from '../process/index.js';
import { attemptsBefore, type StreamLink } from '../stream/index.js';

import { loadSound } from './attempt.js';
import { checkpointsOf } from './open-stores.js';

/**
 * @returns null where the job names a set, this machine cannot use one, or nothing says
 * @throws StreamRefused, StreamUnreachable; what opening and reading the checkpoints throws
 */
export async function trainedWith(
  context: WorkerContext,
  link: StreamLink,
  names: JobNames,
): Promise<InstructionSet | null> {
  const { manifest, nativeFolder } = context.env;
  if (manifest.student.runtime?.instructionSet !== undefined) return null;
  if (nativeMissing({ ...noNative, folder: nativeFolder }) !== null) return null;
  if ((await attemptsBefore(link, names)) === 0) return null;
  // Nothing is claimed yet, so a newer one may come; it is made by the same rule.
  const { newest } = await loadSound(await checkpointsOf(context, link, names), manifest.job.uid);
  return instructionSetIn(newest?.checkpoint.metrics.computedBy?.at(-1)?.runtime ?? '');
}
