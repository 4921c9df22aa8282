/** The formats of data sets, one row each. */
import type { DatasetField } from '@distillery/protocol';

import {
  csvFiles,
  endingsOf,
  jsonlFiles,
  openCsv,
  openFiles,
  openImageFolder,
  openJsonl,
  openParquet,
  openTar,
  type FarFiles,
  type Table,
} from '../tables/index.js';
import { cellsOf } from './fields/cells.js';
import { arrayFormat } from './array-format.js';
import { idxFormat } from './idx-format.js';
import { columnFields, filesFields, imageFolderFields } from './natural-fields.js';
import type { DatasetFormat } from './dataset.js';
import { naturalParts, type Source } from './splits.js';
import type { TableFormat } from './table-format.js';

type OpenFiles = (source: string | readonly string[], far?: FarFiles) => Promise<Table>;

const filesFormat = (openFilesAt: OpenFiles, endings: readonly string[]): TableFormat => ({
  open: (source, _, far) => openFilesAt(onlyFiles(source), far),
  parts: (path) => naturalParts(path, endings, false),
  fields: columnFields,
  namedRows: false,
});

/** A format that reads files, and no archive of arrays. */
function onlyFiles(source: Source): string | readonly string[] {
  if (typeof source === 'string' || !('arrays' in source)) return source;
  throw new RangeError('found arrays, expected files');
}

/** A format that reads one folder, and no list of files. */
function onlyPath(source: Source): string {
  if (typeof source === 'string') return source;
  throw new RangeError('found several paths, expected one');
}

/** Whitespace is left out within this many bytes of each end, see fields/tensor.ts. */
const endBytes = 4_096;

export const tableFormats: Readonly<Record<DatasetFormat, TableFormat>> = {
  idx: idxFormat,
  csv: filesFormat(openCsv, endingsOf(csvFiles)),
  jsonl: filesFormat(openJsonl, endingsOf(jsonlFiles)),
  parquet: filesFormat((source, far) => openParquet(source, far === undefined ? {} : { far }), ['.parquet', '.pq']),
  imageFolder: {
    open: (source, _, far) => openImageFolder(onlyPath(source), far),
    parts: (path) => naturalParts(path, [], true),
    fields: async (table) => {
      const [first = null] = cellsOf(await table.read([0], ['label']), 'label');
      return imageFolderFields(first !== null);
    },
    namedRows: true,
  },
  npy: arrayFormat,
  webdataset: {
    ...filesFormat(openTar, ['.tar']),
    namedRows: true,
  },
  files: {
    open: (source, fields, far) => openFiles(onlyPath(source), endsFor(fields ?? filesFields), far),
    parts: (path) => Promise.resolve({ train: path, test: null }),
    fields: () => Promise.resolve(filesFields),
    namedRows: true,
  },
};

/** How much of each file is read: enough for all fields of bytes; whole files where another field wants them. */
function endsFor(fields: readonly DatasetField[]): { readonly head: number; readonly tail: number } | undefined {
  const readers = fields.filter(({ columns }) => columns.includes('bytes'));
  let [head, tail] = [endBytes, endBytes];
  for (const field of readers) {
    if (field.type !== 'bytes') return undefined;
    head = Math.max(head, field.head);
    tail = Math.max(tail, field.tail);
  }
  return { head, tail };
}
