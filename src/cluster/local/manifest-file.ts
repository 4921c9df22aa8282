import { join } from 'node:path';

import { makeFolderSync, writeWholeSync } from '@distillery/platform';

import type { DistillJob } from '../../api/index.js';
import { manifestOf } from '../../render/index.js';

/**
 * Writes the manifest of a job into the folder of its run; the same job gives the same file again.
 * @returns its path @throws Error when it cannot be written
 */
export function writeManifest(folder: string, job: DistillJob, uid: string): string {
  makeFolderSync(join(folder, 'job'));
  const file = join(folder, 'job', 'manifest.json');
  writeWholeSync(file, `${JSON.stringify(manifestOf(job, uid), null, 2)}\n`);
  return file;
}
