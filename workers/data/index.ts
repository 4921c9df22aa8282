/** The door of the data room: data sets of every format, read in any order. */
export { byBytes, DataError, ReadError, readFailure } from '../tables/index.js';
export { overviewOf } from './overview.js';
export type { ColumnOverview, DataOverview } from './overview.js';
export { openDataset } from './readers.js';
export {
  imageInputs,
  imageSamples,
  inputFor,
  inputsText,
  onlyInput,
  samplesBetween,
  sizeOf,
  targetsBetween,
} from './samples.js';
export { BadSampleError } from './table-split.js';
export type { Replacement } from './table-split.js';
export { replacedByEither, ReplacedRows } from './replaced-rows.js';
export type { ReplacedRowsRecord } from './replaced-rows.js';
export type {
  Dataset,
  DatasetSettings,
  InputSpec,
  InputSpecs,
  NumericSpec,
  NumericSpecs,
  NumericTensor,
  Samples,
  SampleSpec,
  Split,
  Targets,
  TargetSpec,
  Tensor,
  TextTensor,
} from './samples.js';
export { batchOf, blockRowsOf, checkLabels, inParts } from './view.js';
