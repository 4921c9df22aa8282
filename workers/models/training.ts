/** The door to training a student; inference has its own. */
export { createTrainer } from './student-trainer.js';
export type { StudentTrainer, TrainerOptions } from './student-trainer.js';
export { BatchError, NumericError, StateError, StudentModelError } from './trainer-errors.js';
export type {
  Evaluation,
  ExportedModel,
  Gradients,
  NamedTensor,
  Trainer,
  TrainerState,
  TrainingBatch,
} from './trainer.js';
