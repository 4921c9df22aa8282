/** Whether the files of this machine that a job names are there, before a server and workers start for it. */
import { statSync } from 'node:fs';
import { join } from 'node:path';

import type { FaultOf } from '@distillery/base';
import { packageFolderSync, readFaultOf } from '@distillery/platform';
import { readUri } from '@distillery/protocol';

import { type DistillJob, jobUris, type Problem, problemAt } from '../../api/index.js';

/**
 * A problem for each `file://` uri with an absolute path, and for each `package://` uri, at which nothing can be read. What
 * the files hold is for the workers to say, as are remote places. A fault that may pass is left to them, too.
 * @param worker file of the workers' code: packages are looked up from there
 */
export function missingFiles(job: DistillJob, worker: string): readonly Problem[] {
  return jobUris(job).flatMap(({ path: field, uri }) => {
    const fault = faultOf(uri, expectedAt(field), worker);
    return fault === null ? [] : [problemAt(field, fault)];
  });
}

function faultOf(uri: string, expected: string, worker: string): FaultOf | null {
  const read = readUri(uri);
  if (!read.ok) return null;
  const named = read.value;
  if (named.scheme === 'file') return faultAt(named.path, expected);
  if (named.scheme !== 'package') return null;
  const folder = packageFolderSync(named.name, worker);
  if (folder !== null) return faultAt(join(folder, named.path), expected);
  return { found: `no installed package ${named.name}`, expected, remedy: `run npm install ${named.name}` };
}

function faultAt(path: string, expected: string): FaultOf | null {
  try {
    statSync(path);
    return null;
  } catch (error) {
    const { found, remedy, passes } = readFaultOf(error, path);
    return passes ? null : { problem: `${path}: found ${found}, expected ${expected}`, remedy };
  }
}

function expectedAt(field: string): string {
  if (field.startsWith('spec.dataset.')) return 'a data set';
  return field.includes('.tokenizer.') ? 'a tokenizer.json' : 'a model file';
}
