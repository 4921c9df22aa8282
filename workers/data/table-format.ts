/** A format of data sets that are tables: how one is opened, how it is divided, and what its columns naturally are. */
import type { DatasetField } from '@distillery/protocol';

import type { FarFiles, Table } from '../tables/index.js';
import type { Parts, Source } from './splits.js';

export interface TableFormat {
  /**
   * The rows at a path, or of the files at some paths.
   * @param fields of the job
   * @param far files that are elsewhere
   * @throws DataError, ReadError
   */
  open(source: Source, fields: readonly DatasetField[] | undefined, far?: FarFiles): Promise<Table>;
  /** How a data set at a path is divided already. @throws DataError, ReadError */
  parts(path: string, far?: FarFiles): Promise<Parts>;
  /** The fields of a job that names none. */
  fields(table: Table): Promise<readonly DatasetField[]>;
  /** Whether rows have names that stay when others are added; else their content decides how they are divided. */
  readonly namedRows: boolean;
}
