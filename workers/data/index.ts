/** The door of the data room: data sets of every format, read in any order. */
export { byBytes } from '../tables/index.js';
export type { Dataset, DatasetSettings } from './dataset.js';
export { overviewOf } from './overview.js';
export type { ColumnOverview, DataOverview } from './overview.js';
export { openDataset } from './readers.js';
export { BadSampleError } from './table-split.js';
export type { Replacement } from './table-split.js';
export { replacedByEither, ReplacedRows } from './replaced-rows.js';
export type { ReplacedRowsRecord } from './replaced-rows.js';
export { batchOf, blockRowsOf, checkLabels, inParts } from './view.js';
