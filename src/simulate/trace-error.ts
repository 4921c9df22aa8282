import { DistilleryError } from '@distillery/base';

/** What is wrong with a file that a trace is made from, and where. */
export class TraceError extends DistilleryError {
  override readonly name = 'TraceError';
  readonly kind = 'Trace';
  readonly retry = 'Never';

  constructor(
    readonly file: string,
    /** From 1. */
    readonly line: number,
    /** Character of the line, from 1. */
    readonly column: number,
    found: string,
    expected: string,
  ) {
    super({ about: `${file}:${line}:${column}`, found, expected, remedy: 'correct the file' });
  }
}
