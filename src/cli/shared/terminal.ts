/** The parts of an output stream that are used; process.stdout has them all. */
export interface Terminal {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): boolean;
}
