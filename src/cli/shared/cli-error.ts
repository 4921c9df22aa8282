/** Errors that a person can act on, and the fault of a disk that an error of the operating system reports. */
import {
  codeOf,
  DistilleryError,
  type Fault,
  type FaultOf,
  problemOf,
  type Retry,
  writeRefusalOf,
} from '@distillery/base';

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

/** Codes that concern a disk, whatever the file. EPERM is left out: it also answers signals. */
const storageCodes: ReadonlySet<string> = new Set(['EACCES', 'ENOSPC', 'EDQUOT', 'EFBIG', 'EROFS', 'EIO']);

/** @returns the fault of the disk that the operating system reports; null when the error is about something else */
export function storageFault(error: unknown): FaultOf | null {
  return storageFaultOf(codeOf(error));
}

/** As `storageFault`. @param code the system's, as ENOSPC */
export function storageFaultOf(code: string): FaultOf | null {
  const refusal = storageCodes.has(code) ? writeRefusalOf(code) : null;
  return refusal === null ? null : { problem: `${problemOf(refusal)} (${code})`, remedy: refusal.remedy };
}
