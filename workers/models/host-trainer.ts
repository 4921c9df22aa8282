/**
 * The trainer on the host: forward and backward pass in tensors of the current tfjs backend, loss and update on plain
 * arrays. Right where a tensor is memory of this process; a device has a trainer of its own, since this one copies
 * logits, gradients and weights at every step.
 *
 * Invariants: a step is a function of (state, batch) alone; a step that throws changes nothing but the moving averages of
 * normalizations (the caller then ends the attempt); no tensor outlives the call that made it.
 */
import { sizeOf } from '../samples/index.js';
import { agreementOf, answersIn, type NamedMetrics } from './agreement.js';
import { createAverages } from './averages.js';
import { evaluationInParts } from './evaluation-parts.js';
import { createKept } from './kept-weights.js';
import { distillationLoss } from './loss.js';
import { createOptimizer } from './optimizer.js';
import { exportModel } from './student-model.js';
import type { StudentModel } from './student-model.js';
import { forwardAndBackward, predict } from './tensor-pass.js';
import {
  checkBatch,
  checkGradients,
  checkSamples,
  checkTargets,
  checkTensors,
  requireFinite,
} from './trainer-checks.js';
import { NumericError } from './trainer-errors.js';
import type { Gradients, StudentTrainer, TrainerOptions, TrainingBatch } from './trainer.js';

/** @param model rehearsed (tensor-pass.ts); the trainer owns it */
export function hostTrainer(
  model: StudentModel,
  { loss, optimizer: settings, totalSteps, keepsWeights = false }: TrainerOptions,
): StudentTrainer {
  const trainable = model.weights.filter((weight) => weight.trainable);
  const parameters = trainable.map((weight) => ({ name: weight.name, shape: weight.shape, values: weight.read() }));
  const optimizer = createOptimizer(settings, parameters, totalSteps);
  const averages = settings.ema === undefined ? null : createAverages(settings.ema, parameters);
  const kept = keepsWeights ? createKept(model.weights) : null;
  const slots = [...optimizer.slots, ...(averages?.slots ?? []), ...(kept?.slots ?? [])];
  const answers = answersIn(loss);
  const { columns, inputs } = model;

  const gradients = (batch: TrainingBatch): Gradients => {
    checkBatch(batch, inputs, columns);
    model.seedMasks(batch.step);
    if (batch.teacherLogits !== null) requireFinite(batch.teacherLogits, 'teacher logits', batch.step);
    const { teacherLogits: teacher, targets } = batch;
    let metrics: NamedMetrics = {};
    const { loss: batchLoss, gradients: values } = forwardAndBackward(model, trainable, batch.samples, (student) => {
      if (teacher !== null) metrics = agreementOf(answers, { columns, student, teacher });
      return distillationLoss({ columns, student, teacher, targets }, loss);
    });
    if (!Number.isFinite(batchLoss)) throw new NumericError('loss', batch.step);
    return { step: batch.step, loss: batchLoss, metrics, values };
  };
  const apply = ({ step, values }: Pick<Gradients, 'step' | 'values'>): void => {
    checkGradients(values, parameters, step);
    optimizer.update(values, step);
    upload();
    averages?.update();
  };
  const upload = (): void => {
    trainable.forEach((weight, index) => {
      const parameter = parameters[index];
      if (parameter === undefined) return;
      weight.write(parameter.values);
      if (weight.constrained) parameter.values.set(weight.read());
    });
  };
  /** Runs `compute` with the weights that are exported, and puts those that are trained back, bit for bit. */
  const withExported = <Result>(compute: () => Result): Result => {
    if (averages === null) return compute();
    trainable.forEach((weight, index) => weight.assign(averages.slots[index]?.values ?? weight.read()));
    try {
      return compute();
    } finally {
      trainable.forEach((weight, index) => weight.assign(parameters[index]?.values ?? weight.read()));
    }
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
      return { loss: computed.loss, metrics: computed.metrics };
    },
    evaluate: (samples, targets) => {
      checkSamples(samples, inputs);
      checkTargets(targets, samples.count, columns);
      return withExported(() => evaluationInParts(samples, targets, columns, (part) => predict(model, part)));
    },
    logits: (samples) => {
      checkSamples(samples, inputs);
      return withExported(() => predict(model, samples).slice());
    },
    state: () => ({
      weights: model.weights.map((weight) => ({ name: weight.name, shape: [...weight.shape], data: weight.read() })),
      slots: slots.map(({ name, shape, values }) => ({ name, shape: [...shape], data: values.slice() })),
    }),
    restore: ({ weights, slots: given }) => {
      checkTensors(weights, model.weights);
      checkTensors(given, slots);
      // As they are: a constraint that was applied already may change the last bits once more.
      model.weights.forEach((weight, index) => weight.assign(weights[index]?.data ?? new Float32Array()));
      trainable.forEach((weight, index) => parameters[index]?.values.set(weight.read()));
      slots.forEach((slot, index) => slot.values.set(given[index]?.data ?? []));
    },
    export: () => withExported(() => exportModel(model)),
    keepWeights: () => {
      withExported(() => kept?.keep());
    },
    useKeptWeights: () => {
      kept?.use();
      trainable.forEach((weight, index) => {
        const values = weight.read();
        parameters[index]?.values.set(values);
        averages?.slots[index]?.values.set(values);
      });
    },
    dispose: () => {
      model.dispose();
    },
  };
}
