/**
 * A field: one or more columns of a table, and how their values become an input of the samples or their target (design §8
 * "fields"). Decoding is a pure function of the row's values.
 *
 * Invariants:
 *  field/F1 A value that cannot be used makes its row bad, with a clause that says why; it never makes another row bad.
 *  field/F2 Equal values give equal results on every machine; what a library decides belongs to `identity`.
 */
import type { Values } from '../../tables/index.js';
import type { SampleInput, Targets, TargetSpec, Tensor } from '../../samples/index.js';

/** Values of some rows by column, as a table gives them. */
export type ColumnValues = ReadonlyMap<string, Values>;

/** Of those decoded, the rows that cannot be used, by index, each with a clause that says why. */
export type RowProblems = ReadonlyMap<number, string>;

export interface Decoded<Content> {
  /** Of all rows; what stands at the index of a bad row means nothing. */
  readonly content: Content;
  readonly bad: RowProblems;
}

interface Field {
  readonly name: string;
  /** Columns that `decode` needs. */
  readonly columns: readonly string[];
  /** Everything that decides what `decode` returns, as JSON. */
  readonly identity: unknown;
}

/** An input of the samples. */
export interface InputField extends Field {
  readonly spec: SampleInput;
  /** @param rows number of rows */
  decode(values: ColumnValues, rows: number): Promise<Decoded<Tensor>>;
}

/** The target of the samples. */
export interface TargetField extends Field {
  readonly spec: TargetSpec;
  /** @param rows number of rows */
  decode(values: ColumnValues, rows: number): Decoded<Targets>;
}
