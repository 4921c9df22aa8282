/** The door to training a student; inference has its own. It loads no library until a trainer is opened. */
import type { Device } from './device.js';
import type { StudentTrainer, TrainerOptions } from './trainer.js';

export { BatchError, NumericError, StateError, StudentModelError } from './trainer-errors.js';
export { exportedWeights } from './averages.js';
export { type Evaluation, evaluationSum, type Scores, scoresOf } from './evaluation.js';
export { agreementOf, answersIn, type NamedMetrics, type TeacherAnswers } from './agreement.js';
export type { LossSettings } from './loss.js';
export { filesBeside } from './inference/beside.js';
export { fileKindOf } from './file-kind.js';
export { readStartingWeights, type StartingWeights, type StudentStart } from './starting-weights.js';
export { answersOf, lossKindOf } from './loss-kind.js';
export { readTexts } from './text-digests.js';
export type {
  ExportedModel,
  Gradients,
  Measured,
  NamedTensor,
  StudentTrainer,
  Trainer,
  TrainerOptions,
  TrainerState,
  TrainingBatch,
} from './trainer.js';

export {
  type AdamStep,
  type Device,
  type DeviceTensor,
  type FusedAdam,
  type Program,
  type RecordedConstant,
  type Recording,
  RecordingError,
} from './device.js';

/**
 * Opens a trainer on the current tfjs backend, with loss and optimizer on plain arrays.
 * @throws StudentModelError when the model cannot be built or trained
 */
export async function openHostTrainer(options: TrainerOptions): Promise<StudentTrainer> {
  return (await import('./open-trainer.js')).openHostTrainer(options);
}

/**
 * Opens a trainer whose steps are programs of the device below the current tfjs backend.
 * @throws StudentModelError when the model cannot be built or trained
 */
export async function openDeviceTrainer(options: TrainerOptions, device: Device): Promise<StudentTrainer> {
  return (await import('./open-trainer.js')).openDeviceTrainer(options, device);
}
