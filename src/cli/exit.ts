import { DistilleryError, type Fault, type Retry } from '@distillery/base';

/** Exit codes of `distill`, documented in docs/guide.md and in `--help`; sysexits where one fits. */
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
  /** Whoever read the output went away (SIGPIPE). */
  outputClosed: 141,
  terminated: 143,
} as const;
export type Ending = keyof typeof exitCodes;

const retries: Readonly<Record<Exclude<Ending, 'ok'>, Retry>> = {
  failed: 'Never',
  usage: 'Never',
  badInput: 'Never',
  unavailable: 'Later',
  storage: 'AfterSomebodyActs',
  interrupted: 'Later',
  outputClosed: 'Later',
  terminated: 'Later',
};

/** An error that a person can act on: its message is all that is printed. */
export class CliError extends DistilleryError {
  override readonly name = 'CliError';
  readonly kind: string = 'Cli';
  readonly retry: Retry;

  constructor(
    /** The exit code by its name. */
    readonly reason: Exclude<Ending, 'ok'>,
    fault: Fault,
    options?: ErrorOptions,
  ) {
    super(fault, options);
    this.retry = retries[reason];
  }
}
