/** The rule of a data set's labels, from all of its tables. */
import type { DatasetField } from '@distillery/protocol';

import { BadRow, type Cell } from '../../tables/index.js';
import { DataError } from '../../samples/index.js';
import { inParts } from '../view.js';
import { cellsOf } from './cells.js';
import type { Source } from './columns.js';
import { type LabelRule, LabelScan, type LabelSettings } from './labels.js';

const rowsAtOnce = 8_192;

/**
 * @param partsOf the labels in one cell
 * @throws DataError when they are no classes; ReadError
 */
export async function labelRule(
  field: LabelSettings & DatasetField,
  column: string,
  { uri, tables }: Source,
  partsOf: (cell: Cell | BadRow) => readonly (Cell | BadRow)[] | BadRow,
): Promise<LabelRule> {
  const scan = new LabelScan(field);
  if (field.classes === undefined) {
    for (const table of tables) {
      for (const rows of inParts(table, rowsAtOnce)) {
        for (const cell of cellsOf(await table.read(rows, [column]), column)) {
          const parts = partsOf(cell);
          if (!(parts instanceof BadRow)) for (const part of parts) scan.see(part);
        }
      }
    }
  }
  const rule = scan.rule();
  if (typeof rule !== 'string') return rule;
  throw new DataError({
    about: `${uri}, column ${column}`,
    problem: rule,
    remedy: 'list the names in classes, or use target',
  });
}
