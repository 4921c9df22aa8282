/**
 * Exit codes of `distill`, documented in docs/guide.md and in `--help`; those of sysexits where one fits. This file
 * imports nothing: main.ts needs it before it knows whether the release of Node.js can load a library.
 */
export const exitCodes = {
  ok: 0,
  /** The job failed, or distill has a bug. */
  failed: 1,
  /** The command line is wrong. */
  usage: 2,
  /** The job, the data or a model is wrong. */
  badInput: 65,
  /** No NATS server could be found, started or reached; or no API server, or it refused; or Node.js is too old. */
  unavailable: 69,
  /** The disk is full or a folder cannot be written. */
  storage: 74,
  interrupted: 130,
  /** The reader of the output closed it (SIGPIPE). */
  outputClosed: 141,
  terminated: 143,
} as const;
export type Ending = keyof typeof exitCodes;
