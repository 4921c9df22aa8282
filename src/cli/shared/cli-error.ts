import { DistilleryError, type Fault, type Retry } from '@distillery/base';

import type { Ending } from './exit.js';

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

/** An error that a person can act on. Its message is all that is printed. */
export class CliError extends DistilleryError {
  override readonly name = 'CliError';
  readonly kind: string = 'Cli';
  readonly retry: Retry;

  constructor(
    /** Names the exit code. */
    readonly reason: Exclude<Ending, 'ok'>,
    fault: Fault,
    options?: ErrorOptions,
  ) {
    super(fault, options);
    this.retry = retries[reason];
  }
}
