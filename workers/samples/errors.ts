/** Errors of data: a data set that is not what the job says, and a file that could not be read this time. */
import { DistilleryError, type StatementFault, type ValueFault } from '@distillery/base';
import { readFaultOf } from '@distillery/platform';

/** Terminal: reading again gives the same. */
export class DataError extends DistilleryError {
  override readonly name = 'DataError';
  readonly kind = 'Data';
  readonly retry = 'Never';
  /** Always a single one. */
  declare readonly fault: ValueFault | StatementFault;
}

/** A file that could not be read this time; another attempt may. */
export class ReadError extends DistilleryError {
  override readonly name = 'ReadError';
  readonly kind = 'Read';
  readonly retry = 'Later';
}

/** A file that is not the one whose rows were counted: it was written since. */
export function fileChanged(path: string): ReadError {
  return new ReadError({
    about: path,
    problem: 'the file changed while it was read',
    remedy: 'write the file under another name, and start again',
  });
}

/** What a failed read of `path` means: a DataError when the same would happen again, else a ReadError. */
export function readFailure(error: unknown, path: string, expected: string): DataError | ReadError {
  const { found, remedy, passes } = readFaultOf(error, path);
  const cause = { cause: error };
  const fault = { about: path, found, expected, remedy };
  return passes ? new ReadError(fault, cause) : new DataError(fault, cause);
}
