/** The door of the data room: data sets of every format, read in any order. */
export type { Dataset, Split } from './dataset.js';
export { DataError, ReadError } from './errors.js';
export { batchOf, checkLabels, openDataset } from './open.js';
export { pathOfUri } from './uri.js';
