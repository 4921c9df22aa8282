import type { NamedMetrics } from '@distillery/protocol';

import type { Scores } from '../shared/scores.js';

import type { RunFolder } from './run-folder.js';
import { ask, type ShortWorker } from './short-worker.js';

/** Why a teacher has no scores, for people. */
export interface Unmeasured {
  readonly unmeasured: string;
}

/**
 * Measures the teacher on the whole evaluation split, with the teacher's own code in a process of its own. That process
 * has ended when this resolves.
 * @returns by the names of the student's, none where nothing is held out with labels that the teacher answers; or why there are
 * no scores
 */
export async function teacherScores(folder: RunFolder, evaluation: ShortWorker): Promise<Scores | Unmeasured> {
  if (folder.job.spec.student.loss.softWeight === 0)
    return { unmeasured: 'none: the student learned from labels alone' };
  const isStopped = (): boolean => evaluation.stop.aborted;
  const stopped = { unmeasured: 'not measured, since the run was stopped' };
  if (isStopped()) return stopped;
  const { exitCode, stdout, stderr } = await ask(folder, evaluation);
  if (isStopped()) return stopped;
  if (exitCode !== 0) {
    const [sentence = ''] = stderr.trim().split('\n');
    return { unmeasured: `not measured: ${sentence === '' ? 'the process that measures it failed' : sentence}` };
  }
  const { accuracy, metrics } = JSON.parse(stdout) as { accuracy: number | null; metrics: NamedMetrics };
  return { accuracy, metrics };
}
