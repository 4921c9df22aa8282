/** Bad rows that gave way to others, for people: the first ones by name, and how many there are. */
import type { Replacement } from './table-split.js';

const named = 10;

/** @param warn of the process's log @returns what `openDataset` calls for each row */
export function replacementLog(warn: (message: string) => void): (replacement: Replacement) => void {
  let rows = 0;
  return ({ row, problem }) => {
    rows++;
    if (rows <= named) warn(`${row}: ${problem}; the next good row takes its place (${String(rows)} so far)`);
    // Further ones at powers of two: a log must not grow with the data.
    else if ((rows & (rows - 1)) === 0) warn(`${String(rows)} rows were replaced so far, the last one ${row}`);
  };
}
