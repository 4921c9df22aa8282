/** Data sets that are tables: place → tables → fields → splits (design §8). */
import type { DataPlace } from '../places/index.js';
import type { FolderTable, Table } from '../tables/index.js';
import { DataError } from '../samples/index.js';
import { bindFields, type BoundFields } from './fields/bind.js';
import { identityOf, type IdentifiedPart } from './identity.js';
import type { Dataset, DatasetSettings } from './dataset.js';
import { byFraction, namedParts, type Source } from './splits.js';
import type { TableFormat } from './table-format.js';
import { type Replacement, TableSplit } from './table-split.js';

/** @throws DataError when a file is missing or damaged, or the fields do not fit the data; ReadError */
export async function openTableDataset(
  format: TableFormat,
  place: DataPlace,
  settings: DatasetSettings,
  replaced: (replacement: Replacement) => void,
): Promise<Dataset> {
  const opened: Table[] = [];
  try {
    return await compose(format, place, settings, replaced, opened);
  } catch (error) {
    for (const table of opened) await table.close();
    throw error;
  }
}

/** @param opened receives each table once it is open */
async function compose(
  format: TableFormat,
  { uri, path, far }: DataPlace,
  settings: DatasetSettings,
  replaced: (replacement: Replacement) => void,
  opened: Table[],
): Promise<Dataset> {
  const { split } = settings;
  const open = async (source: Source): Promise<Table> => {
    const table = await format.open(source, settings.fields, far);
    opened.push(table);
    if (table.length > 0) return table;
    throw new DataError({ about: uri, found: 'no rows', expected: 'at least one', remedy: 'check dataset.uri' });
  };
  const fraction = split !== undefined && 'testFraction' in split ? split.testFraction : null;
  const sources =
    split !== undefined && 'train' in split
      ? namedParts(path, split)
      : fraction === null
        ? await format.parts(path, far)
        : { train: path, test: null };
  const train = await open(sources.train);
  const test = sources.test === null ? null : await open(sources.test);
  const tables = test === null ? [train] : [train, test];
  const fields = await bindFields(settings.fields ?? (await format.fields(train)), { uri, train, tables });
  const parts = fraction === null ? whole(tables) : await divided(train, fraction, format, fields, uri);
  const onBadSample = settings.onBadSample ?? 'Fail';
  const [trainSplit, testSplit = null] = parts.map(
    ({ table, rows }) => new TableSplit({ table, rows, fields, onBadSample, replaced }),
  );
  if (trainSplit === undefined) throw new RangeError('a data set has a training split');
  return {
    train: trainSplit,
    test: testSplit,
    identity: () => identityOf(settings, fields, parts),
    notes: tables.flatMap(notesOf),
    close: async () => {
      for (const table of tables) await table.close();
    },
  };
}

function notesOf(table: Table | FolderTable): readonly string[] {
  return 'notes' in table ? table.notes : [];
}

function whole(tables: readonly Table[]): readonly IdentifiedPart[] {
  return tables.map((table) => ({ table, rows: null }));
}

async function divided(
  table: Table,
  fraction: number,
  format: TableFormat,
  { inputs, target }: BoundFields,
  uri: string,
): Promise<readonly IdentifiedPart[]> {
  const columns = [...inputs.flatMap((field) => field.columns), ...(target?.columns ?? [])];
  const { train, test } = await byFraction(table, fraction, format.namedRows ? 'names' : [...new Set(columns)]);
  if (train.length > 0 && test.length > 0) return [train, test].map((rows) => ({ table, rows }));
  throw new DataError({
    about: uri,
    problem: `a testFraction of ${String(fraction)} of its ${String(table.length)} rows leaves one split empty`,
    remedy: 'choose another dataset.split.testFraction, or name train and test',
  });
}
