import type { NamedMetrics } from '@distillery/protocol';

import type { Scores } from '../shared/scores.js';

import type { RunFolder } from './run-folder.js';
import { ask, type ShortWorker } from './short-worker.js';

/**
 * Measures the teacher on the whole evaluation split, with the teacher's own code in a process of its own. That process
 * has ended when this resolves.
 * @returns by the names of the student's; null for a job without a teacher, after a stop, and when the evaluation fails
 */
export async function teacherScores(folder: RunFolder, evaluation: ShortWorker): Promise<Scores | null> {
  if (folder.job.spec.student.loss.softWeight === 0 || evaluation.stop.aborted) return null;
  const { exitCode, stdout } = await ask(folder, evaluation);
  if (exitCode !== 0) return null;
  const { accuracy, metrics } = JSON.parse(stdout) as { accuracy: number | null; metrics: NamedMetrics };
  return { accuracy, metrics };
}
