/** Errors of this room: a data set that is not what the job says, and a file that could not be read this time. */
import { readFaultOf } from '@distillery/platform';

/** Either a value that is not what it should be, or another problem as a whole clause. */
type DataFault = {
  /** File, folder, uri or place in the data set that the fault is about. */
  readonly path: string;
  /** What the person can do. */
  readonly remedy: string;
} & ({ readonly found: string; readonly expected: string } | { readonly problem: string });

/** Terminal: reading again gives the same. */
export class DataError extends Error {
  override readonly name = 'DataError';
  readonly path: string;
  /** What is wrong, as a clause without the path and the remedy. */
  readonly problem: string;
  readonly remedy: string;

  constructor(fault: DataFault, options?: ErrorOptions) {
    const problem = 'problem' in fault ? fault.problem : `found ${fault.found}, expected ${fault.expected}`;
    super(`${fault.path}: ${problem}; ${fault.remedy}`, options);
    this.path = fault.path;
    this.problem = problem;
    this.remedy = fault.remedy;
  }
}

/** A file that could not be read this time; another attempt may. */
export class ReadError extends Error {
  override readonly name = 'ReadError';
}

/** What a failed read of `path` means: a DataError when the same would happen again, else a ReadError. */
export function readFailure(error: unknown, path: string, expected: string): DataError | ReadError {
  const { found, remedy, passes } = readFaultOf(error, path);
  const cause = { cause: error };
  if (!passes) return new DataError({ path, found, expected, remedy }, cause);
  return new ReadError(`${path}: found ${found}, expected ${expected}; ${remedy}`, cause);
}
