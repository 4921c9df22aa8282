/** Makes a report, and writes it, but never over another file. */
import { createHash } from 'node:crypto';
import { closeSync, lstatSync, readSync } from 'node:fs';

import { reasonOf } from '@distillery/base';
import { openRegularSync, writeNewSync, writeWholeSync } from '@distillery/platform';

import { isReport, type ReportInput, reportPage, stateOf } from '../../report/index.js';

import { CliError, storageFault } from './cli-error.js';

export interface Report {
  /** One HTML file. */
  readonly page: string;
  /** How the run stands: a sentence. */
  readonly says: string;
  /** What is not in it, and why: one sentence each. */
  readonly missing: readonly string[];
}

export function reportOf(input: ReportInput): Report {
  const sha256 = (text: string): string => createHash('sha256').update(text, 'utf8').digest('base64');
  return { page: reportPage(input, sha256), says: stateOf(input).says, missing: input.missing };
}

/** @throws CliError badInput for a file that is no report, unless it is forced; storage when it cannot be written */
export function writeReport(path: string, page: string, { force }: { readonly force: boolean }): void {
  try {
    const entry = lstatSync(path, { throwIfNoEntry: false });
    // A file that appears meanwhile stays, too.
    if (entry === undefined) writeNewSync(path, page);
    else if (entry.isFile() && (force || isReport(startOf(path)))) writeWholeSync(path, page);
    else throw taken(path, entry.isFile());
  } catch (error) {
    if (error instanceof CliError) throw error;
    const fault = storageFault(error) ?? {
      problem: `it cannot be written (${reasonOf(error)})`,
      remedy: 'name another file with --output',
    };
    throw new CliError('storage', { ...fault, about: `report ${path}` }, { cause: error });
  }
}

function taken(path: string, isFile: boolean): CliError {
  return new CliError('badInput', {
    about: `report ${path}`,
    problem: isFile ? 'a file of that name is there, and is no report' : 'something that is no file has that name',
    remedy: isFile ? 'name another file with --output, or replace it with --force' : 'name another file with --output',
  });
}

function startOf(path: string): string {
  const file = openRegularSync(path);
  try {
    const bytes = Buffer.alloc(64);
    return bytes.subarray(0, readSync(file, bytes)).toString('latin1');
  } finally {
    closeSync(file);
  }
}
