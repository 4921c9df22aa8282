/**
 * The trainer on a device: forward pass, gradients and update are programs (device.ts), weights and slots stay there.
 * What crosses each step are the batch, the logits and one truth for each gradient; loss and agreement are computed of
 * the logits as the host trainer does.
 *
 * Invariants: a step is a function of (state, batch) alone; a step that throws changes nothing; every tensor of the
 * device is either part of the state or freed by the call that made it.
 */
import { sizeOf } from '../samples/index.js';
import { agreementOf, answersIn } from './agreement.js';
import { createAverages } from './averages.js';
import { type Device, type DeviceTensor, RecordingError } from './device.js';
import { stepScalars } from './device-optimizer.js';
import type { DevicePass } from './device-pass.js';
import { DevicePrograms } from './device-programs.js';
import { DeviceState } from './device-state.js';
import { evaluationInParts } from './evaluation-parts.js';
import { createKept } from './kept-weights.js';
import { distillationLoss } from './loss.js';
import { createOptimizer, type Parameter } from './optimizer.js';
import { exportModel, type StudentModel } from './student-model.js';
import { checkBatch, checkGradients, checkSamples, checkTargets, requireFinite } from './trainer-checks.js';
import { NumericError } from './trainer-errors.js';
import type { Gradients, Measured, StudentTrainer, TrainerOptions, TrainingBatch } from './trainer.js';

/**
 * @param model rehearsed (tensor-pass.ts); the trainer owns it
 * @throws RecordingError when the model's pass cannot become a program; the model is then left as it was
 */
export function deviceTrainer(model: StudentModel, options: TrainerOptions, device: Device): StudentTrainer {
  const { optimizer: settings, totalSteps, keepsWeights = false } = options;
  const { columns, inputs } = model;
  const [unmasked] = model.unmasked;
  if (unmasked !== undefined) throw new RecordingError(`the draws of its layer ${unmasked} have no program`);
  const parameters = model.weights
    .filter(({ trainable }) => trainable)
    .map((weight) => ({ name: weight.name, shape: weight.shape, values: weight.read() }));
  const ofOptimizer = createOptimizer(settings, parameters, totalSteps).slots;
  const averages = settings.ema === undefined ? [] : createAverages(settings.ema, parameters).slots;
  const programs = new DevicePrograms(model, options, device, ofOptimizer.length / parameters.length);
  const kept = keepsWeights ? createKept(model.weights).slots : [];
  const state = new DeviceState(device, model, { own: [...ofOptimizer, ...averages], averages: averages.length, kept });
  try {
    programs.check(state.weights);
  } catch (error) {
    state.dispose();
    programs.dispose();
    throw error;
  }
  const measured = measureOf(model, options, device, parameters);

  /** Gradients on the device, and the frozen weights after the pass. The caller frees or keeps them. */
  const computed = (batch: TrainingBatch): { measures: Measured } & Pick<DevicePass, 'gradients' | 'frozen'> => {
    checkBatch(batch, inputs, columns);
    if (batch.teacherLogits !== null) requireFinite(batch.teacherLogits, 'teacher logits', batch.step);
    const pass = programs.forwardAndBackward(state.weights, batch);
    const { gradients, frozen, logits, penalty, finite } = pass;
    try {
      return { measures: measured(batch, pass), gradients, frozen };
    } catch (error) {
      device.free([...gradients, ...frozen]);
      throw error;
    } finally {
      device.free([logits, penalty, finite]);
    }
  };
  const update = (gradients: readonly DeviceTensor[], step: number): void => {
    const scalars = stepScalars(settings, step, totalSteps).map((value) => device.upload(Float32Array.of(value), []));
    programs.update([...state.trained, ...gradients, ...state.slots, ...scalars]);
    device.free([...gradients, ...scalars]);
  };

  return {
    columns,
    inputs,
    notes: model.notes,
    parameters: model.weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    gradients: (batch): Gradients => {
      const { measures, gradients, frozen } = computed(batch);
      const values = gradients.map((gradient) => device.read(gradient));
      device.free(gradients);
      state.keepFrozen(frozen);
      return { step: batch.step, ...measures, values };
    },
    apply: ({ step, values }) => {
      checkGradients(values, parameters, step);
      update(
        values.map((gradient, at) => device.upload(gradient, parameters[at]?.shape ?? [])),
        step,
      );
    },
    train: (batch): Measured => {
      const { measures, gradients, frozen } = computed(batch);
      state.keepFrozen(frozen);
      update(gradients, batch.step);
      return measures;
    },
    evaluate: (samples, targets) => {
      checkSamples(samples, inputs);
      checkTargets(targets, samples.count, columns);
      return evaluationInParts(samples, targets, columns, (part) => programs.logits(state.exported, part));
    },
    logits: (samples) => {
      checkSamples(samples, inputs);
      return programs.logits(state.exported, samples);
    },
    state: () => state.read(),
    restore: (given) => {
      state.restore(given);
    },
    export: () => {
      const values = state.exported;
      const weights = model.weights.map((weight, at) => {
        const tensor = values[at];
        return { ...weight, read: () => (tensor === undefined ? weight.read() : device.read(tensor)) };
      });
      return exportModel({ weights, topology: model.topology });
    },
    keepWeights: () => {
      state.keep();
    },
    useKeptWeights: () => {
      state.useKept();
    },
    dispose: () => {
      state.dispose();
      programs.dispose();
      model.dispose();
    },
  };
}

/** What a pass measured, computed on the host as the host trainer does. The result throws NumericError. */
function measureOf(
  { columns }: StudentModel,
  { loss }: TrainerOptions,
  device: Device,
  parameters: readonly Parameter[],
): (batch: TrainingBatch, pass: DevicePass) => Measured {
  const answers = answersIn(loss);
  return ({ step, teacherLogits: teacher, targets }, { logits, penalty, finite }) => {
    const student = device.read(logits);
    const metrics = teacher === null ? {} : agreementOf(answers, { columns, student, teacher });
    const { loss: own } = distillationLoss({ columns, student, teacher, targets }, loss);
    const total = own + (device.read(penalty)[0] ?? NaN);
    if (!Number.isFinite(total)) throw new NumericError('loss', step);
    const stray = device.read(finite).indexOf(0);
    if (stray >= 0) throw new NumericError(`gradient of ${parameters[stray]?.name ?? ''}`, step);
    return { loss: total, metrics };
  };
}
