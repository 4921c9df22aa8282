import { DistilleryError } from '@distillery/base';

/** A problem in a file that a trace is made from, with its line. */
export class TraceError extends DistilleryError {
  override readonly name = 'TraceError';
  readonly kind = 'Trace';
  readonly retry = 'Never';

  constructor(
    readonly file: string,
    /** Line number, from 1. */
    readonly line: number,
    /** Column, from 1. */
    readonly column: number,
    found: string,
    expected: string,
  ) {
    super({ about: `${file}:${line}:${column}`, found, expected, remedy: 'correct the file' });
  }
}
