/** Loads the one job of a local run, and opens the run's folder for it. */
import { dirname, resolve } from 'node:path';

import { readUri, uriText } from '@distillery/protocol';

import { type DistillJob, locateProblems, type Problem, readJob, unsupported, withUris } from '../../api/index.js';

import { CliError } from '../shared/cli-error.js';
import { JobRefused } from '../shared/job-refused.js';
import { inputName, type ReadInput } from '../shared/input.js';

import { missingFiles } from './local-files.js';
import { RunFolder } from './run-folder.js';

/** Which run: a new one of a job file, or an earlier one. */
export interface RunChoice {
  /** Path of the job file, `-` for standard input; absent with `resume`. */
  readonly file?: string;
  /** Folder of the new run; absent = runs/<name>-<time>. */
  readonly dir?: string;
  /** Folder of the run to resume. */
  readonly resume?: string;
}

export interface RunFolderNeeds {
  readonly readInput: ReadInput;
  readonly newUid: () => string;
  readonly pid: number;
  readonly nowMs: () => number;
  /** Compiled entry files of the workers. */
  readonly scripts: { readonly student: string };
}

/** The API server adds as many characters to a `generateName`. */
const suffixLength = 5;

/** @returns the folder, locked by this process @throws CliError */
export async function openRunFolder(
  { file, dir, resume }: RunChoice,
  { readInput, newUid, pid, nowMs, scripts }: RunFolderNeeds,
): Promise<RunFolder> {
  if (resume !== undefined) return resumed(resume, pid, scripts.student);
  if (file === undefined) {
    throw new CliError('usage', {
      about: 'distill run',
      problem: 'no job file is given',
      remedy: 'name one, or a stopped run with --resume',
    });
  }
  const text = await readInput(file);
  const job = localJob(text, file, newUid().slice(0, suffixLength));
  const missing = missingFiles(job, scripts.student);
  if (missing.length > 0) throw new JobRefused(locateProblems(missing, text, { sourceName: inputName(file) }));
  const { name, namespace = 'default' } = job.metadata;
  const identified = { ...job, metadata: { ...job.metadata, namespace, uid: newUid() } };
  if (dir !== undefined) return RunFolder.create(dir, identified, pid);
  return RunFolder.createNew(`runs/${name}-${timeStamp(nowMs())}`, identified, pid);
}

/** A stopped run whose files are still there. @throws CliError */
function resumed(path: string, pid: number, worker: string): RunFolder {
  const folder = RunFolder.resume(path, pid);
  const missing = missingFiles(folder.job, worker);
  if (missing.length === 0) return folder;
  folder.release();
  throw new JobRefused(missing);
}

/** @returns such as 20261124-101500, in UTC */
function timeStamp(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-');
}

/**
 * Reads the one job of a text. Its relative uris become absolute: they are relative to the folder of the file, or to the
 * working folder when the text comes from standard input.
 * @param path where the text comes from, as the person gave it
 * @param nameSuffix completes `metadata.generateName`
 * @throws CliError badInput unless the text is one job that a local run accepts; the message holds every problem
 */
export function localJob(text: string, path: string, nameSuffix: string): DistillJob {
  const options = { sourceName: inputName(path), nameSuffix };
  const read = readJob(text, options);
  const problems: readonly Problem[] = read.ok
    ? locateProblems(unsupported(read.job, 'local'), text, options)
    : read.problems;
  if (!read.ok || problems.length > 0) throw new JobRefused(problems);
  return withAbsoluteUris(read.job, path === '-' ? '.' : dirname(path));
}

function withAbsoluteUris(job: DistillJob, folder: string): DistillJob {
  const absolute = (text: string): string => {
    const read = readUri(text);
    if (!read.ok || read.value.scheme !== 'file') return text;
    const uri = uriText({ scheme: 'file', path: resolve(folder, read.value.path) });
    if (readUri(uri).ok) return uri;
    throw new CliError('badInput', {
      about: JSON.stringify(resolve(folder)),
      problem: 'no uri can hold the name of this folder',
      remedy: 'rename or move it',
    });
  };
  return withUris(job, absolute);
}
