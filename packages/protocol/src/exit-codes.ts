/**
 * How a worker's process ends (docs/protocol.md "Exit codes"). Both sides read these: the worker ends by them, the
 * operator decides by them what is charged to backoffLimit, what is tried again and what fails the job at once.
 */

/** Exit code by kind of ending; sysexits where one fits. */
export const workerExitCodes = {
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
export type WorkerEnding = keyof typeof workerExitCodes;
