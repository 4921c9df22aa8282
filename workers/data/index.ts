/** The door of the data room: data sets of every format, read in any order. */
export { DataError, ReadError } from './errors.js';
export { openDataset } from './readers.js';
export {
  fitsInputs,
  imageInputs,
  imageSamples,
  inputFor,
  inputsText,
  onlyInput,
  samplesBetween,
  sizeOf,
} from './samples.js';
export type { Dataset, InputSpec, InputSpecs, Samples, Split, Targets, Tensor } from './samples.js';
export { batchOf, checkLabels, inParts } from './view.js';
