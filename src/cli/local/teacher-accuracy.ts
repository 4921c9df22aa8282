import { spawn } from 'node:child_process';

import { spawnFolder } from '@distillery/platform';

import type { RunFolder } from './run-folder.js';

export interface EvaluationProcess {
  /** The compiled entry file of the teacher's evaluation. */
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: AbortSignal;
}

/**
 * Measures the teacher on the whole evaluation split, with the teacher's own code in a process of its own. That process
 * has ended when this resolves.
 * @returns a fraction; null for a job without a teacher, for data without a labeled evaluation split, after a stop, and
 *   when the evaluation fails
 */
export async function teacherAccuracy(folder: RunFolder, evaluation: EvaluationProcess): Promise<number | null> {
  const { script, environment, stop } = evaluation;
  if (folder.job.spec.student.loss.softWeight === 0 || stop.aborted) return null;
  const child = spawn(process.execPath, [script], {
    stdio: ['ignore', 'pipe', 'ignore'],
    cwd: spawnFolder(folder.path),
    env: { ...environment, DISTILL_MANIFEST: folder.file('job', 'manifest.json') },
    signal: stop,
  });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((settle) => {
    child.on('error', () => {
      // A stop is reported as an error, too: that child is ending, and `close` follows.
      if (child.pid === undefined) settle(null);
    });
    child.once('close', settle);
  });
  if (code !== 0) return null;
  const { accuracy } = JSON.parse(Buffer.concat(chunks).toString('utf8')) as { accuracy: number | null };
  return accuracy;
}
