/**
 * The trainer on the host: forward and backward pass in tensors of the current tfjs backend, loss and update on plain
 * arrays. Right where a tensor is memory of this process; a device has a trainer of its own, since this one copies
 * logits, gradients and weights at every step.
 *
 * Invariants: a step is a function of (state, batch) alone; a step that throws changes nothing but the moving averages of
 * normalizations (the caller then ends the attempt); no tensor outlives the call that made it.
 */
import { samplesBetween, sizeOf, targetsBetween } from '../data/index.js';
import { score } from './evaluation.js';
import { distillationLoss } from './loss.js';
import { createOptimizer } from './optimizer.js';
import { exportModel, openStudentModel } from './student-model.js';
import type { StudentModel } from './student-model.js';
import { forwardAndBackward, predict, rehearse } from './tensor-pass.js';
import { checkBatch, checkRows, checkSamples, checkTargets, checkTensors, requireFinite } from './trainer-checks.js';
import { BatchError, NumericError } from './trainer-errors.js';
import type { Gradients, StudentTrainer, TrainerOptions, TrainingBatch } from './trainer.js';

/** Samples of one forward pass in `evaluate`: large enough to be fast, small enough for the heap. */
const evaluationSamples = 256;

/** @throws StudentModelError when the model cannot be built or trained */
export async function openHostTrainer(options: TrainerOptions): Promise<StudentTrainer> {
  const model = await openStudentModel(options.modelJson, options.seed);
  try {
    rehearse(model);
    return trainerOf(model, options);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function trainerOf(model: StudentModel, { loss, optimizer: settings, totalSteps }: TrainerOptions): StudentTrainer {
  const trainable = model.weights.filter((weight) => weight.trainable);
  const parameters = trainable.map((weight) => ({ name: weight.name, shape: weight.shape, values: weight.read() }));
  const optimizer = createOptimizer(settings, parameters, totalSteps);
  const { columns, inputs } = model;

  const gradients = (batch: TrainingBatch): Gradients => {
    checkBatch(batch, inputs, columns);
    model.seedMasks(batch.step);
    if (batch.teacherLogits !== null) requireFinite(batch.teacherLogits, 'teacher logits', batch.step);
    const { loss: batchLoss, gradients: values } = forwardAndBackward(model, trainable, batch.samples, (student) =>
      distillationLoss({ columns, student, teacher: batch.teacherLogits, targets: batch.targets }, loss),
    );
    if (!Number.isFinite(batchLoss)) throw new NumericError('loss', batch.step);
    return { step: batch.step, loss: batchLoss, values };
  };
  const apply = ({ step, values }: Gradients): void => {
    checkRows('gradients', values.length, trainable.length);
    values.forEach((gradient, index) => {
      const name = trainable[index]?.name ?? '';
      checkRows(`gradient of ${name}`, gradient.length, parameters[index]?.values.length ?? 0);
      requireFinite(gradient, `gradient of ${name}`, step);
    });
    optimizer.update(values, step);
    upload();
  };
  const upload = (): void => {
    trainable.forEach((weight, index) => {
      const parameter = parameters[index];
      if (parameter === undefined) return;
      weight.write(parameter.values);
      if (weight.constrained) parameter.values.set(weight.read());
    });
  };
  return {
    columns,
    inputs,
    notes: model.notes,
    parameters: model.weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0),
    gradients,
    apply,
    train: (batch) => {
      const computed = gradients(batch);
      apply(computed);
      return computed.loss;
    },
    evaluate: (samples, targets) => {
      checkSamples(samples, inputs);
      checkTargets(targets, samples.count, columns);
      let [rows, lossSum, correct] = [0, 0, 0];
      for (let start = 0; start < samples.count; start += evaluationSamples) {
        const end = Math.min(start + evaluationSamples, samples.count);
        const logits = predict(model, samplesBetween(samples, start, end));
        const right = targetsBetween(targets, start, end);
        if (right.kind !== 'class') throw new BatchError('targets', right.kind, 'one class for each position');
        const part = score(logits, right.labels, columns);
        rows += part.samples;
        lossSum += part.lossSum;
        correct += part.correct;
      }
      return { samples: rows, correct, lossSum };
    },
    logits: (samples) => {
      checkSamples(samples, inputs);
      return predict(model, samples).slice();
    },
    state: () => ({
      weights: model.weights.map((weight) => ({ name: weight.name, shape: [...weight.shape], data: weight.read() })),
      slots: optimizer.slots.map(({ name, shape, values }) => ({ name, shape: [...shape], data: values.slice() })),
    }),
    restore: ({ weights, slots }) => {
      checkTensors(weights, model.weights);
      checkTensors(slots, optimizer.slots);
      model.weights.forEach((weight, index) => weight.write(weights[index]?.data ?? new Float32Array()));
      trainable.forEach((weight, index) => parameters[index]?.values.set(weight.read()));
      optimizer.slots.forEach((slot, index) => slot.values.set(slots[index]?.data ?? []));
    },
    export: () => exportModel(model),
    dispose: () => {
      model.dispose();
    },
  };
}
