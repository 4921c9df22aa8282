/** Copies the model of a finished run from its object store into its folder. */
import { existsSync } from 'node:fs';

import type { Clock } from '@distillery/base';

import { type StreamAdmin, StreamError } from '../../stream/index.js';

import { CliError } from '../shared/cli-error.js';
import { type ExpectedResult, listResults, type ResultSource } from '../shared/result-checks.js';
import { bringResults } from '../shared/results.js';

import type { RunFolder } from './run-folder.js';

export interface ModelSource {
  readonly admin: StreamAdmin;
  readonly uid: string;
  readonly folder: RunFolder;
  readonly clock: Clock;
  readonly stop: AbortSignal;
}

const restartWaitMs = 20_000;
const retryMs = 500;

/**
 * Copies the model into the run's folder. While the server restarts it waits, so that a finished training is not lost.
 * @param expected what the job's status says of the result
 * @throws StreamError, CliError
 */
export async function bringModel(
  { admin, uid, folder, clock, stop }: ModelSource,
  expected: ExpectedResult,
): Promise<void> {
  const endMs = clock.now() + restartWaitMs;
  for (;;) {
    try {
      await fetchModel(admin, uid, folder.file('model'), expected);
      return;
    } catch (error) {
      const restarts = error instanceof StreamError && error.reason === 'unreachable';
      if (!restarts || stop.aborted || clock.now() > endMs) throw error;
      await clock.sleep(retryMs, stop);
    }
  }
}

/** Does nothing when the student wrote the folder itself, with `output.store: file`. */
async function fetchModel(admin: StreamAdmin, uid: string, target: string, expected: ExpectedResult): Promise<void> {
  const source: ResultSource = { list: () => admin.listObjects(uid), read: (name) => admin.readObject(uid, name) };
  const results = await listResults(source);
  if (results.length > 0) await bringResults(source, results, target, expected);
  else if (!existsSync(target)) {
    throw new CliError('failed', {
      about: `model of job ${uid}`,
      problem: 'its object store is empty',
      remedy: 'resume the run to store it again',
    });
  }
}
