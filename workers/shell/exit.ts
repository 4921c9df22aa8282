/**
 * How a worker ends: exit codes are part of the protocol, since the operator decides by them what is charged to
 * backoffLimit, what is retried and what fails the job at once (docs/protocol.md "Exit codes").
 */
import { writeFileSync } from 'node:fs';

/** Exit code by kind of ending. */
export const exitCodes = {
  done: 0,
  /** A fault that another attempt may not meet again; charged to backoffLimit. */
  error: 1,
  /** Bad input: another attempt would end the same way; fails the job at once. */
  terminal: 65,
  /** The stream could not be reached; retried. */
  unreachable: 69,
  /** The disk is full or read-only. */
  storage: 74,
  /** A newer attempt runs: this one stopped without writing. */
  fenced: 75,
  /** Asked to stop by SIGTERM; what was trained is in a checkpoint. */
  stopped: 143,
} as const;
export type Ending = keyof typeof exitCodes;

/** An error that knows how the process must end. */
export class WorkerError extends Error {
  override readonly name = 'WorkerError';
  constructor(
    readonly ending: Exclude<Ending, 'done'>,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** The last sentence of a worker, where kubelet or the local engine looks for it. Never throws: it is the last act. */
export function writeLastWords(path: string, sentence: string): void {
  try {
    writeFileSync(path, sentence.slice(0, 4_000));
  } catch {
    // Without a termination log the sentence is still in the worker's own log.
  }
}
