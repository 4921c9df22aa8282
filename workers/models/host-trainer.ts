/**
 * The trainer on the host: forward and backward pass in tensors of the current tfjs backend, loss and update on plain
 * arrays. Right where a tensor is memory of this process; a device has a trainer of its own, since this one copies
 * logits, gradients and weights at every step.
 *
 * Invariants: a step is a function of (state, batch) alone; a step that throws changes nothing but the moving averages of
 * normalizations (the caller then ends the attempt); no tensor outlives the call that made it.
 */
import { type Samples, samplesBetween, sizeOf, type Targets, targetsBetween } from '../data/index.js';
import { agreementOf, answersFor, type NamedMetrics } from './agreement.js';
import { createAverages } from './averages.js';
import { createKept } from './kept-weights.js';
import { type Evaluation, evaluationOf, evaluationSum } from './evaluation.js';
import { distillationLoss } from './loss.js';
import { createOptimizer } from './optimizer.js';
import { exportModel, openStudentModel } from './student-model.js';
import type { StudentModel } from './student-model.js';
import { forwardAndBackward, predict, rehearse } from './tensor-pass.js';
import { checkBatch, checkRows, checkSamples, checkTargets, checkTensors, requireFinite } from './trainer-checks.js';
import { NumericError } from './trainer-errors.js';
import type { Gradients, StudentTrainer, TrainerOptions, TrainingBatch } from './trainer.js';

/** Samples of one forward pass in `evaluate`: large enough to be fast, small enough for the heap. */
const evaluationSamples = 256;

/** @throws StudentModelError when the model cannot be built or trained */
export async function openHostTrainer(options: TrainerOptions): Promise<StudentTrainer> {
  const model = await openStudentModel(options.modelJson, options.seed, options.start);
  try {
    rehearse(model);
    return trainerOf(model, options);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

function trainerOf(model: StudentModel, options: TrainerOptions): StudentTrainer {
  const { loss, optimizer: settings, totalSteps, keepsWeights = false } = options;
  const trainable = model.weights.filter((weight) => weight.trainable);
  const parameters = trainable.map((weight) => ({ name: weight.name, shape: weight.shape, values: weight.read() }));
  const optimizer = createOptimizer(settings, parameters, totalSteps);
  const averages = settings.ema === undefined ? null : createAverages(settings.ema, parameters);
  const kept = keepsWeights ? createKept(model.weights) : null;
  const slots = [...optimizer.slots, ...(averages?.slots ?? []), ...(kept?.slots ?? [])];
  const answers = loss.answers ?? answersFor(loss.kind ?? 'KL');
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
    checkRows('gradients', values.length, trainable.length);
    values.forEach((gradient, index) => {
      const name = trainable[index]?.name ?? '';
      checkRows(`gradient of ${name}`, gradient.length, parameters[index]?.values.length ?? 0);
      requireFinite(gradient, `gradient of ${name}`, step);
    });
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
  const evaluatePart = (samples: Samples, targets: Targets): Evaluation =>
    evaluationOf(predict(model, samples), targets, columns);
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
      return withExported(() => {
        const partAt = (start: number): Evaluation => {
          const end = Math.min(start + evaluationSamples, samples.count);
          return evaluatePart(samplesBetween(samples, start, end), targetsBetween(targets, start, end));
        };
        let evaluation = partAt(0);
        for (let start = evaluationSamples; start < samples.count; start += evaluationSamples) {
          evaluation = evaluationSum(evaluation, partAt(start));
        }
        return evaluation;
      });
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
