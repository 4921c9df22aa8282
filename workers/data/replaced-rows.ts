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
  readonly #warn: (message: string) => void;
  #count = 0;
  readonly #names: string[] = [];

  /** @param warn of the process's log */
  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  /** What `openDataset` calls, once for each row. */
  note({ row, problem }: Replacement): void {
    this.#count++;
    if (this.#names.length < maxReplacedNames) this.#names.push(row);
    const rows = this.#count;
    if (rows <= logged) this.#warn(`${row}: ${problem}; the next good row takes its place (${String(rows)} so far)`);
    // Further ones at powers of two: a log must not grow with the data.
    else if ((rows & (rows - 1)) === 0) this.#warn(`${String(rows)} rows were replaced so far, the last one ${row}`);
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
