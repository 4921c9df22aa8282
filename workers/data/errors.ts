/** The one error of this room: a data set that is not what the job says, told so that a person can put it right. */
import { codeOf } from '../../src/lib/system-error.js';

interface DataFault {
  /** File, folder, uri or place in the data set that the fault is about. */
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  /** What the person can do. */
  readonly remedy: string;
}

/** Terminal: reading again gives the same. */
export class DataError extends Error implements DataFault {
  override readonly name = 'DataError';
  readonly path: string;
  readonly found: string;
  readonly expected: string;
  readonly remedy: string;

  constructor(fault: DataFault, options?: ErrorOptions) {
    super(`${fault.path}: found ${fault.found}, expected ${fault.expected}; ${fault.remedy}`, options);
    this.path = fault.path;
    this.found = fault.found;
    this.expected = fault.expected;
    this.remedy = fault.remedy;
  }
}

/** The code of an error of the operating system, such as ENOENT; other errors as text. */
export function systemCode(error: unknown): string {
  const code = codeOf(error);
  return code === '' ? String(error) : code;
}
