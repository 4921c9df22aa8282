/** The process that inspects data and models: it loads their libraries, so that the command does not. */
import type { Clock } from '@distillery/base';

import { askProcess, longestWords } from '../shared/asked-process.js';
import { CliError } from '../shared/cli-error.js';

import { type InitReply, type InitRequest, readReply } from './request.js';

export interface InspectionProcess {
  /** The compiled entry file. */
  readonly script: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly stop: AbortSignal;
  readonly clock: Clock;
}

/** A model with a loop that does not end seems slow. */
const longestMs = 15 * 60_000;

function tooLong(): CliError {
  return new CliError('badInput', {
    about: 'distill init',
    problem: `data and model were read for ${String(longestMs / 60_000)} minutes without an end`,
    remedy: 'name some of the data with --data, or another model with --teacher',
  });
}

/**
 * Asks a new process, which has ended when this resolves.
 * @returns null after a stop @throws CliError for one that does not end; Error with the last words of a process that crashed
 */
export async function inspectFiles(
  request: InitRequest,
  { script, environment, stop, clock }: InspectionProcess,
): Promise<InitReply | null> {
  if (isStopped(stop)) return null;
  let [output, words] = ['', ''];
  const heard = (text: string): void => void (words = (words + text).slice(-longestWords));
  const child = askProcess(request, { script, environment, folder: request.folder, stop, heard });
  child.output.setEncoding('utf8').on('data', (text: string) => (output += text));
  const over = new AbortController();
  const isLate = clock.sleep(longestMs, over.signal).then(() => !over.signal.aborted);
  const closed = child.closed.then(() => false);
  try {
    if (await Promise.race([closed, isLate])) {
      child.kill();
      await closed;
      throw tooLong();
    }
  } finally {
    over.abort();
  }
  if (isStopped(stop)) return null;
  const line = output.trimEnd().split('\n').at(-1) ?? '';
  if (line.startsWith('{')) return readReply(line);
  throw child.crash('the process that inspects data and models', words);
}

/** Read each time: the signal changes while the process works. */
function isStopped(stop: AbortSignal): boolean {
  return stop.aborted;
}
