/** The door of the data room: data sets of every format, read in any order. */
export { DataError, ReadError } from '../tables/index.js';
export { openDataset } from './readers.js';
export { imageInputs, imageSamples, inputsText, onlyInput, sameInputs, samplesBetween, sizeOf } from './samples.js';
export type { Dataset, InputSpec, InputSpecs, Samples, Split, Targets, Tensor } from './samples.js';
export { batchOf, checkLabels, inParts } from './view.js';
