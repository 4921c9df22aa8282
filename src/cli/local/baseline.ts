import { existsSync } from 'node:fs';

import type { StatementFault } from '@distillery/base';

import { type DistillJob, storeKind } from '../../api/index.js';
import { writeManifest } from '../../cluster/local/index.js';

import { CliError } from '../shared/cli-error.js';

import { RunFolder } from './run-folder.js';
import { ask, endingOf, type ShortWorker } from './short-worker.js';

/** Of a job's name, so that the name with its suffix is a valid name as well. */
const nameLength = 54;

/**
 * Opens the folder of the run's baseline, inside the run's own folder. An earlier attempt of this run may have begun it.
 * @param uid of a new baseline
 * @returns the folder, locked by this process @throws CliError
 */
export function openBaselineFolder(folder: RunFolder, uid: string, pid: number): RunFolder {
  return existsSync(folder.file('baseline', 'job.json'))
    ? RunFolder.resume(folder.file('baseline'), pid)
    : RunFolder.create(folder.file('baseline'), baselineJob(folder.job, uid), pid);
}

/**
 * Refuses a baseline that has nothing to learn from, or nothing to be compared with, before anything is trained.
 * @throws CliError with the sentence of the data, or of why it cannot be read
 */
export async function checkBaseline(folder: RunFolder, worker: ShortWorker): Promise<void> {
  const isStopped = (): boolean => worker.stop.aborted;
  if (isStopped()) return;
  const metric = folder.job.spec.training.earlyStop?.metric;
  if (metric?.startsWith('heldOut') === true) {
    throw new CliError('badInput', {
      about: '--baseline',
      problem: `training.earlyStop.metric is ${metric}, and a student on labels alone has no teacher to agree with`,
      remedy: 'stop by loss or accuracy, or leave --baseline out',
    });
  }
  writeManifest(folder.path, folder.job, folder.job.metadata.uid ?? '');
  const { exitCode, stdout, stderr } = await ask(folder, worker);
  // What was asked to stop says so itself.
  if (isStopped()) return;
  if (exitCode !== 0) {
    const problem = stderr.trim() === '' ? 'the data set could not be read' : stderr.trim();
    throw new CliError(endingOf(exitCode), { about: '--baseline', problem, remedy: '' });
  }
  const { fault } = JSON.parse(stdout) as { fault: StatementFault | null };
  if (fault !== null) throw new CliError('badInput', fault);
}

/** The same student with the same settings, trained on labels alone. */
function baselineJob(job: DistillJob, uid: string): DistillJob {
  const { metadata, spec } = job;
  const { student } = spec;
  // What the run writes into a bucket is its own.
  const own = <Part extends { readonly store: string }>(part: Part): Part =>
    storeKind(part.store) === 's3' ? { ...part, store: 'nats' } : part;
  return {
    ...job,
    metadata: { ...metadata, name: `${metadata.name.slice(0, nameLength)}-baseline`, uid },
    spec: {
      ...spec,
      student: {
        ...student,
        loss: { ...student.loss, softWeight: 0 },
        checkpoint: own(student.checkpoint),
        output: own(student.output),
      },
    },
  };
}
