/** What is wrong with a file that a trace is made from, and where. */
export class TraceError extends Error {
  override readonly name = 'TraceError';
  constructor(
    readonly file: string,
    /** From 1. */
    readonly line: number,
    /** Character of the line, from 1. */
    readonly column: number,
    found: string,
    expected: string,
  ) {
    super(`${file}:${line}:${column}: found ${found}, expected ${expected}`);
  }
}
