/** Tables with a row for each file of a folder. Files are read when a column of their content is asked for. */
import { join } from 'node:path';

import { count } from '@distillery/base';

import type { FarFiles } from '../far.js';
import { columnNamed, rowIn } from '../rows.js';
import { BadRow, type Cell, type Column, type Table, type Values } from '../table.js';
import { type Content, type Ends, readFiles } from './read-files.js';
import type { Listing } from './walk.js';

/** A table of the files in a folder. */
export interface FolderTable extends Table {
  /** What was left out, as sentences for people. */
  readonly notes: readonly string[];
}

/** What a column has of each file. */
export type FileColumn =
  /** @param path relative to the root */
  | { readonly of: 'path'; readonly cell: (path: string) => Cell }
  | { readonly of: 'content'; readonly cell: (content: Content) => Cell };

/**
 * @param ends what is read of large files; absent = whole files
 * @param far files that are elsewhere
 */
export function folderTable(
  folder: string,
  { paths, others, links }: Listing,
  columns: Readonly<Record<string, FileColumn>>,
  { ends, far }: { readonly ends?: Ends | undefined; readonly far?: FarFiles | undefined } = {},
): FolderTable {
  const byName = new Map(Object.entries(columns));
  return {
    length: paths.length,
    columns: [...byName.keys()].map((name): Column => ({ name, kind: 'cells' })),
    notes: [
      ...(others === 0 ? [] : [`${folder}: ${count(others, 'other file')} left out`]),
      ...(links === 0 ? [] : [`${folder}: ${count(links, 'link')} left out`]),
    ],
    read: async (rows, names) => {
      const asked = Array.from({ length: rows.length }, (_, at) => paths.at(rowIn(rows, at, paths.length, folder)));
      const chosen = names.map((name) => [name, columnNamed(byName, name, folder)] as const);
      const contents = chosen.some(([, { of }]) => of === 'content')
        ? await readFiles(
            asked.map((path) => join(folder, path)),
            { ends, far },
          )
        : [];
      return new Map<string, Values>(
        chosen.map(([name, column]) => [name, { kind: 'cells', cells: cellsOf(column, asked, contents) }]),
      );
    },
    nameOf: (row) => paths.at(row),
    close: () => Promise.resolve(),
  };
}

function cellsOf(
  column: FileColumn,
  paths: readonly string[],
  contents: readonly (Content | BadRow)[],
): readonly (Cell | BadRow)[] {
  if (column.of === 'path') return paths.map(column.cell);
  return contents.map((content) => (content instanceof BadRow ? content : column.cell(content)));
}
