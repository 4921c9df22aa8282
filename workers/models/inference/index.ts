/** The door of the inference room: teacher models of every format, and the self-test that they pass. */
export { type Evaluation, evaluationOf, evaluationSum, scoresOf } from '../evaluation.js';
export { filesBeside } from './beside.js';
export { deviceFault, openSession } from './sessions.js';
export { embeddingRows, type Operator } from './embedding-rows.js';
export { inspectModel } from './inspect.js';
export { readBeside } from './model-file.js';
export { type EnsembleSource, formatsOf, openTeacher, type TeacherSource } from './ensemble.js';
export type {
  ModelSession,
  EnsembleMember,
  Inference,
  ModelFile,
  ModelFormat,
  ModelOutput,
  SessionOutput,
} from './inference.js';
export { LogitsError, ModelError } from './errors.js';
export type { LogitsFault } from './errors.js';
export { meanFor } from './mean.js';
export { openInference } from './open.js';
export type { InferenceSource, ModelSource } from './open.js';
export { lossKindOf } from '../loss-kind.js';
export { compareWithReference, selfTestAnswers } from './self-test.js';
export type { Answering } from './self-test.js';
export type { SeenText } from './texts.js';
