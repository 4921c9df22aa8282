import { existsSync } from 'node:fs';

import type { DistillJob } from '../../api/index.js';

import { RunFolder } from './run-folder.js';

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

/** The same student with the same settings, trained on labels alone. */
function baselineJob(job: DistillJob, uid: string): DistillJob {
  const { metadata, spec } = job;
  return {
    ...job,
    metadata: { ...metadata, name: `${metadata.name.slice(0, nameLength)}-baseline`, uid },
    spec: { ...spec, student: { ...spec.student, loss: { ...spec.student.loss, softWeight: 0 } } },
  };
}
