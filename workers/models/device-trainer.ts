/**
 * The trainer on a device: forward pass, gradients and update are programs (device.ts), weights and slots stay there.
 * What crosses each step are the batch, the logits and one truth for each gradient; loss and agreement are computed of
 * the logits as the host trainer does.
 *
 * Invariants: a step is a function of (state, batch) alone; a step that throws changes nothing; every tensor of the
 * device is either part of the state or freed by the call that made it.
 */
import { sizeOf } from '../data/index.js';
import { agreementOf, answersFor, type NamedMetrics } from './agreement.js';
import { createAverages } from './averages.js';
import type { Device, DeviceTensor } from './device.js';
import { stepScalars } from './device-optimizer.js';
import { evaluationInParts } from './evaluation-parts.js';
import { distillationLoss } from './loss.js';
import { createOptimizer } from './optimizer.js';
import { createPrograms } from './device-programs.js';
import { exportModel, type StudentModel } from './student-model.js';
import { checkBatch, checkRows, checkSamples, checkTargets, checkTensors, requireFinite } from './trainer-checks.js';
import { NumericError } from './trainer-errors.js';
import type { Gradients, Measured, NamedTensor, StudentTrainer, TrainerOptions, TrainingBatch } from './trainer.js';

/** @throws RecordingError when the model's pass cannot become a program; StudentModelError */
export function deviceTrainer(model: StudentModel, options: TrainerOptions, device: Device): StudentTrainer {
  const { loss, optimizer: settings, totalSteps } = options;
  const { columns, inputs } = model;
  const isTrainable = model.weights.map(({ trainable }) => trainable);
  const trainable = model.weights.filter((weight) => weight.trainable);
  const parameters = trainable.map((weight) => ({ name: weight.name, shape: weight.shape, values: weight.read() }));
  const averages = settings.ema === undefined ? [] : createAverages(settings.ema, parameters).slots;
  const slots = [...createOptimizer(settings, parameters, totalSteps).slots, ...averages];
  const answers = loss.answers ?? answersFor(loss.kind ?? 'KL');
  const programs = createPrograms(model, options, device, slots.length - averages.length);
  const upload = ({ shape, data }: Pick<NamedTensor, 'shape' | 'data'>): DeviceTensor => device.upload(data, shape);
  let weights = model.weights.map(({ shape, read }) => upload({ shape, data: read() }));
  let state = slots.map(({ shape, values }) => upload({ shape, data: values }));
  programs.check(weights);

  const trained = (): DeviceTensor[] => weights.filter((_, at) => isTrainable[at]);
  /** The weights that are exported: averages where the trainer keeps them. */
  const exported = (): DeviceTensor[] => {
    const own = averages.length === 0 ? trained() : state.slice(-averages.length);
    let next = 0;
    return weights.map((weight, at) => (isTrainable[at] === true ? (own[next++] ?? weight) : weight));
  };
  /** Gradients on the device, and the frozen weights after the pass. The caller frees or keeps them. */
  const computed = (batch: TrainingBatch): Measured & { gradients: DeviceTensor[]; frozen: DeviceTensor[] } => {
    checkBatch(batch, inputs, columns);
    if (batch.teacherLogits !== null) requireFinite(batch.teacherLogits, 'teacher logits', batch.step);
    const pass = programs.forwardAndBackward(weights, batch);
    try {
      const student = device.read(pass.logits);
      const { teacherLogits: teacher, targets } = batch;
      const metrics: NamedMetrics = teacher === null ? {} : agreementOf(answers, { columns, student, teacher });
      const { loss: ownLoss } = distillationLoss({ columns, student, teacher, targets }, loss);
      const total = ownLoss + (device.read(pass.penalty)[0] ?? NaN);
      if (!Number.isFinite(total)) throw new NumericError('loss', batch.step);
      const stray = device.read(pass.finite).indexOf(0);
      if (stray >= 0) throw new NumericError(`gradient of ${trainable[stray]?.name ?? ''}`, batch.step);
      return { loss: total, metrics, gradients: pass.gradients, frozen: pass.frozen };
    } catch (error) {
      device.free([...pass.gradients, ...pass.frozen]);
      throw error;
    } finally {
      device.free([pass.logits, pass.penalty, pass.finite]);
    }
  };
  const keepFrozen = (frozen: readonly DeviceTensor[]): void => {
    device.free(weights.filter((_, at) => isTrainable[at] !== true));
    let next = 0;
    weights = weights.map((weight, at) => (isTrainable[at] === true ? weight : (frozen[next++] ?? weight)));
  };
  const update = (gradients: readonly DeviceTensor[], step: number): void => {
    const scalars = stepScalars(settings, step, totalSteps).map((value) => device.upload(Float32Array.of(value), []));
    const before = trained();
    const results = programs.update([...before, ...gradients, ...state, ...scalars]);
    device.free([...before, ...state, ...scalars]);
    let next = 0;
    weights = weights.map((weight, at) => (isTrainable[at] === true ? (results[next++] ?? weight) : weight));
    state = results.slice(next);
  };
  const named = (
    tensors: readonly DeviceTensor[],
    of: readonly { readonly name: string; readonly shape: readonly number[] }[],
  ): NamedTensor[] =>
    tensors.map((tensor, at) => ({
      name: of[at]?.name ?? '',
      shape: [...(of[at]?.shape ?? [])],
      data: device.read(tensor),
    }));

  return {
    columns,
    inputs,
    notes: model.notes,
    parameters: model.weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    gradients: (batch): Gradients => {
      const { gradients, frozen, ...measured } = computed(batch);
      const values = gradients.map((gradient) => device.read(gradient));
      device.free(gradients);
      keepFrozen(frozen);
      return { step: batch.step, ...measured, values };
    },
    apply: ({ step, values }) => {
      checkRows('gradients', values.length, trainable.length);
      values.forEach((gradient, index) => {
        const name = trainable[index]?.name ?? '';
        checkRows(`gradient of ${name}`, gradient.length, parameters[index]?.values.length ?? 0);
        requireFinite(gradient, `gradient of ${name}`, step);
      });
      const gradients = values.map((data, at) => upload({ shape: parameters[at]?.shape ?? [], data }));
      update(gradients, step);
      device.free(gradients);
    },
    train: (batch): Measured => {
      const { gradients, frozen, ...measured } = computed(batch);
      keepFrozen(frozen);
      update(gradients, batch.step);
      device.free(gradients);
      return measured;
    },
    evaluate: (samples, targets) => {
      checkSamples(samples, inputs);
      checkTargets(targets, samples.count, columns);
      return evaluationInParts(samples, targets, columns, (part) => programs.logits(exported(), part));
    },
    logits: (samples) => {
      checkSamples(samples, inputs);
      return programs.logits(exported(), samples);
    },
    state: () => ({ weights: named(weights, model.weights), slots: named(state, slots) }),
    restore: ({ weights: given, slots: givenSlots }) => {
      checkTensors(given, model.weights);
      checkTensors(givenSlots, slots);
      device.free([...weights, ...state]);
      weights = given.map(upload);
      state = givenSlots.map(upload);
    },
    export: () => {
      const values = exported();
      const own = model.weights.map((weight, at) => {
        const tensor = values[at];
        return { ...weight, read: () => (tensor === undefined ? weight.read() : device.read(tensor)) };
      });
      return exportModel({ weights: own, topology: model.topology });
    },
    dispose: () => {
      device.free([...weights, ...state]);
      programs.dispose();
      model.dispose();
    },
  };
}
