/** Whether the files of this machine that a job names are there, before a server and workers start for it. */
import { statSync } from 'node:fs';

import { readFaultOf } from '@distillery/platform';
import { readUri } from '@distillery/protocol';

import { type DistillJob, jobUris, type Problem, problemAt } from '../../api/index.js';

/**
 * A problem for each `file://` uri with an absolute path at which nothing can be read. What the files hold is for the
 * workers to say, as are packages and remote places. A fault that may pass is left to them, too.
 */
export function missingFiles(job: DistillJob): readonly Problem[] {
  return jobUris(job).flatMap(({ path: field, uri }) => {
    const read = readUri(uri);
    if (!read.ok || read.value.scheme !== 'file') return [];
    const { path } = read.value;
    try {
      statSync(path);
      return [];
    } catch (error) {
      const { found, remedy, passes } = readFaultOf(error, path);
      if (passes) return [];
      return [problemAt(field, { problem: `${path}: found ${found}, expected ${expectedAt(field)}`, remedy })];
    }
  });
}

function expectedAt(field: string): string {
  if (field.startsWith('spec.dataset.')) return 'a data set';
  return field.includes('.tokenizer.') ? 'a tokenizer.json' : 'a model file';
}
