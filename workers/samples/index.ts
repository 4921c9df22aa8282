/** The door of the room of samples: what a data set gives to models, and the errors of what cannot be read. */
export { DataError, fileChanged, ReadError, readFailure } from './errors.js';
export {
  imageInputs,
  imageSamples,
  inputFor,
  inputsText,
  onlyInput,
  sameInputs,
  samplesBetween,
  sizeOf,
  targetsBetween,
} from './samples.js';
export type {
  InputSpec,
  InputSpecs,
  NumericSpec,
  NumericSpecs,
  NumericTensor,
  SampleInput,
  Samples,
  SampleSpec,
  Split,
  Targets,
  TargetSpec,
  Tensor,
  TextTensor,
} from './samples.js';
