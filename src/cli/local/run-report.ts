/**
 * The report of a run, from what its folder holds. Reads a folder that a person names, whatever lies in it.
 *
 * Invariants:
 *  run-report/1 A file that is no report of ours is never replaced.
 *  run-report/2 What is missing or damaged is named in the report; without a job there is none.
 */
import { existsSync, lstatSync } from 'node:fs';
import { join } from 'node:path';

import { decodeText, reasonOf, version } from '@distillery/base';
import { readFaultOf, readRegularSync } from '@distillery/platform';
import { type ResultReport, resultReportSchema } from '@distillery/protocol';

import { type DistillJob, readJob } from '../../api/index.js';
import { linesOf, maxHistoryBytes, readHistory } from '../../history/index.js';
import { readStatus, type ReportInput, type Trained } from '../../report/index.js';

import { CliError } from '../shared/cli-error.js';
import { type Report, reportOf, writeReport } from '../shared/report-file.js';

import { historyFile } from './run-history.js';

export const reportFile = 'report.html';

/** Of status.json, job.json and metrics.json: far more than a run writes. */
const maxFileBytes = 16 * 1024 * 1024;

export { isRunning } from './run-folder.js';

export interface RunReportNeeds {
  readonly nowMs: number;
  /** True while a process works on the run. */
  readonly isRunning: boolean;
}

/**
 * @param folder absolute
 * @param path the folder as the person named it
 * @throws CliError badInput when the folder is not that of a run, or its job cannot be read
 */
export function runReport(folder: string, path: string, { nowMs, isRunning }: RunReportNeeds): Report {
  const missing: string[] = [];
  const job = jobOf(folder, path);
  const own = trainedIn(folder, job, missing, '');
  const baselineFolder = join(folder, 'baseline');
  const input: ReportInput = {
    ...own,
    source: `run folder ${folder}`,
    job,
    isRunning,
    baseline: existsSync(join(baselineFolder, 'job.json')) ? baselineOf(baselineFolder, missing) : null,
    teacher: own.history === null ? null : (linesOf(own.history.lines, 'scores').at(-1)?.teacher ?? null),
    events: [],
    missing,
    madeAtMs: nowMs,
    version,
  };
  return reportOf(input);
}

/**
 * Writes the report of a run that ends. Never throws: how the run ended is what to report.
 * @returns its path, or why there is none; null for a run that was stopped before anything happened
 */
export function endingReport(
  folder: string,
  nowMs: number,
): { readonly path: string } | { readonly problem: string } | null {
  const path = join(folder, reportFile);
  if (!existsSync(join(folder, 'status.json'))) return null;
  try {
    writeReport(path, runReport(folder, folder, { nowMs, isRunning: false }).page, { force: false });
    return { path };
  } catch (error) {
    return { problem: reasonOf(error) };
  }
}

/** @throws CliError badInput */
function jobOf(folder: string, path: string): DistillJob {
  const about = `run ${path}`;
  const file = join(folder, 'job.json');
  let text: string;
  try {
    text = decodeText(readBounded(file, maxFileBytes));
  } catch (error) {
    const { found } = readFaultOf(error, file);
    throw new CliError(
      'badInput',
      {
        about,
        problem: `it is not the folder of a run: at job.json in it there is ${found}`,
        remedy: 'name the folder that the run printed, such as runs/mnist-20261124-101500',
      },
      { cause: error },
    );
  }
  const read = readJob(text, { sourceName: file });
  if (read.ok && read.job.metadata.uid !== undefined) return read.job;
  throw new CliError('badInput', {
    about,
    problem: 'its job.json is damaged: it holds no job as a run writes it',
    remedy: 'restore the file, or name another run',
  });
}

function baselineOf(folder: string, missing: string[]): Trained | null {
  try {
    return trainedIn(folder, jobOf(folder, folder), missing, 'baseline/');
  } catch {
    missing.push('the baseline; its job.json is damaged.');
    return null;
  }
}

/** @param prefix of the names of files in sentences */
function trainedIn(folder: string, job: DistillJob, missing: string[], prefix: string): Trained {
  const status = part(folder, 'status.json', maxFileBytes, (text) => readStatus(JSON.parse(text)));
  const history = part(folder, historyFile, maxHistoryBytes, (text) => readHistory(text, job.metadata.uid ?? ''));
  const result = part(folder, join('model', 'metrics.json'), maxFileBytes, (text) => resultOf(text, job));
  const name = (file: string): string => `${prefix}${file}`;
  if (status === 'damaged') missing.push(`what ${name('status.json')} says; the file is damaged.`);
  if (status === 'absent') missing.push(`progress; there is no ${name('status.json')} yet.`);
  if (history === 'damaged')
    missing.push(`rates, teachers and events; ${name(historyFile)} is not a history of this run.`);
  if (history === 'absent') {
    missing.push(
      `rates, teachers and events; there is no ${name(historyFile)}, which runs of earlier releases do not write.`,
    );
  }
  if (result === 'damaged')
    missing.push(`curves of the result; ${name('model/metrics.json')} is damaged, or of another job.`);
  if (typeof history === 'object' && history.damaged > 0) {
    missing.push(`${String(history.damaged)} damaged lines of ${name(historyFile)}.`);
  }
  return { status: valueOf(status), history: valueOf(history), result: valueOf(result) };
}

type Part<T> = T | 'absent' | 'damaged';

function part<T extends object>(
  folder: string,
  name: string,
  maxBytes: number,
  read: (text: string) => T | null,
): Part<T> {
  const path = join(folder, name);
  if (!existsSync(path)) return 'absent';
  try {
    return read(decodeText(readBounded(path, maxBytes))) ?? 'damaged';
  } catch {
    return 'damaged';
  }
}

function valueOf<T extends object>(found: Part<T>): T | null {
  return typeof found === 'object' ? found : null;
}

function resultOf(text: string, job: DistillJob): ResultReport | null {
  const result = resultReportSchema.safeParse(JSON.parse(text)).data;
  return result?.job.uid === job.metadata.uid ? (result ?? null) : null;
}

/** @throws Error as `readRegularSync`, and for a file that is too large */
function readBounded(path: string, maxBytes: number): Uint8Array {
  const size = lstatSync(path, { throwIfNoEntry: false })?.size ?? 0;
  if (size > maxBytes) throw new Error(`${path} has ${String(size)} bytes`);
  return readRegularSync(path);
}
