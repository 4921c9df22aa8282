/** Turns what a command threw into its exit code and the sentence that the person reads. */
import { DistilleryError, printableLines, sentenceOf } from '@distillery/base';
import { CommanderError } from 'commander';

import type { StreamError, StreamErrorReason } from '../../stream/index.js';

import { CliError, storageFault } from './cli-error.js';
import { type Ending, exitCodes } from './exit.js';

/**
 * Prints what was thrown as a sentence, and returns the exit code.
 * @param faults how much of an internal error is printed
 * @param printRaw writes to standard error
 */
export function exitCodeOf(error: unknown, faults: 'sentence' | 'stack', printRaw: (text: string) => void): number {
  const print = (text: string): void => printRaw(printableLines(text));
  // Help, version and usage errors: commander printed them.
  if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
  if (error instanceof CliError) {
    print(`${error.message}\n`);
    return exitCodes[error.reason];
  }
  if (isStreamError(error)) {
    print(`${error.message}\n`);
    return exitCodes[streamEndings[error.reason] ?? 'failed'];
  }
  const fault = storageFault(error);
  if (fault !== null) {
    print(`${sentenceOf({ ...fault, about: 'disk' })}\n`);
    return exitCodes.storage;
  }
  const what = error instanceof Error ? error.message : String(error);
  print(
    `internal error: ${what}. This is a bug in distill. Report it, with the output under DISTILL_LOG_LEVEL=debug.\n`,
  );
  if (faults === 'stack' && error instanceof Error) print(`${error.stack ?? ''}\n`);
  return exitCodes.failed;
}

/** By its kind: importing the class would load the NATS client for a command that never connects. */
function isStreamError(error: unknown): error is StreamError {
  return error instanceof DistilleryError && (error.kind === 'Stream' || error.kind === 'PortTaken');
}

const streamEndings: Partial<Record<StreamErrorReason, Ending>> = {
  unreachable: 'unavailable',
  unauthorized: 'unavailable',
  tooOld: 'unavailable',
  noJetStream: 'unavailable',
  noServer: 'unavailable',
  full: 'storage',
};
