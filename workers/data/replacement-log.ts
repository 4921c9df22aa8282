/** Bad rows that gave way to others, for people: the first ones by name, and how many there are. */
import type { Replacement } from './table-split.js';

const named = 10;

/**
 * @param note of the process, for the first row
 * @param warn of the process's log, for the others
 * @returns what `openDataset` calls for each row
 */
export function replacementLog(
  note: (message: string) => void,
  warn: (message: string) => void,
): (replacement: Replacement) => void {
  let rows = 0;
  return ({ row, problem }) => {
    rows++;
    if (rows === 1) note(`${row}: ${problem}; the next good row takes its place (further rows are in the log)`);
    else if (rows <= named) warn(`${row}: ${problem}; the next good row takes its place (${String(rows)} so far)`);
    // Further ones at powers of two: a log must not grow with the data.
    else if ((rows & (rows - 1)) === 0) warn(`${String(rows)} rows were replaced so far, the last one ${row}`);
  };
}
