/** Builds the student and gives it to a trainer. */
import { type Device, RecordingError } from './device.js';
import { deviceTrainer } from './device-trainer.js';
import { hostTrainer } from './host-trainer.js';
import { openStudentModel, type StudentModel } from './student-model.js';
import { rehearse } from './tensor-pass.js';
import type { StudentTrainer, TrainerOptions } from './trainer.js';

/** @throws StudentModelError when the model cannot be built or trained */
export function openHostTrainer(options: TrainerOptions): Promise<StudentTrainer> {
  return opened(options, (model) => hostTrainer(model, options));
}

/**
 * A model that has no programs is trained operation by operation, and a note says so.
 * @throws StudentModelError when the model cannot be built or trained
 */
export function openDeviceTrainer(options: TrainerOptions, device: Device): Promise<StudentTrainer> {
  return opened(options, (model) => {
    try {
      return deviceTrainer(model, options, device);
    } catch (error) {
      if (!(error instanceof RecordingError)) throw error;
      const trainer = hostTrainer(model, options);
      const note = `the student is trained operation by operation, which is slower: ${error.message}`;
      return { ...trainer, notes: [...trainer.notes, note] };
    }
  });
}

async function opened(
  options: TrainerOptions,
  trainerOf: (model: StudentModel) => StudentTrainer,
): Promise<StudentTrainer> {
  const model = await openStudentModel(options.modelJson, options.seed, options.start);
  try {
    rehearse(model);
    return trainerOf(model);
  } catch (error) {
    model.dispose();
    throw error;
  }
}
