/** Bad rows that gave way to others: for people the first ones by name, for the status and the report how many there are. */
import { maxReplacedNames } from '@distillery/protocol';

import type { Replacement } from './table-split.js';

const logged = 10;

/** `names`: at most `maxReplacedNames`. */
export interface ReplacedRowsRecord {
  readonly count: number;
  readonly names: readonly string[];
}

export class ReplacedRows {
  readonly #say: { readonly note: (message: string) => void; readonly warn: (message: string) => void };
  #count = 0;
  readonly #names: string[] = [];

  /** @param say `note` of the process for the first row, `warn` of its log for the others */
  constructor(say: { readonly note: (message: string) => void; readonly warn: (message: string) => void }) {
    this.#say = say;
  }

  /** What `openDataset` calls, once for each row. */
  add({ row, problem }: Replacement): void {
    this.#count++;
    if (this.#names.length < maxReplacedNames) this.#names.push(row);
    const rows = this.#count;
    const replacement = `${row}: ${problem}; the next good row takes its place`;
    if (rows === 1) this.#say.note(`${replacement} (further rows are in the log)`);
    else if (rows <= logged) this.#say.warn(`${replacement} (${String(rows)} so far)`);
    // Further ones at powers of two: a log must not grow with the data.
    else if ((rows & (rows - 1)) === 0)
      this.#say.warn(`${String(rows)} rows were replaced so far, the last one ${row}`);
  }

  get record(): ReplacedRowsRecord {
    return { count: this.#count, names: [...this.#names] };
  }
}

/**
 * The rows that two attempts of one job met. Exact while each names all of its rows; beyond that, the larger number: an
 * attempt that trains a whole epoch meets every row.
 */
export function replacedByEither(left: ReplacedRowsRecord, right: ReplacedRowsRecord): ReplacedRowsRecord {
  const names = [...new Set([...left.names, ...right.names])].sort();
  const count = Math.max(names.length, left.count, right.count);
  return { count, names: names.slice(0, maxReplacedNames) };
}
