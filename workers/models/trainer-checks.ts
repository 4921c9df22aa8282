/** What a trainer requires of a batch and of a state before it uses them. Pure. */
import { inputFor, type NumericSpecs, type Samples, sizeOf, type Targets } from '../samples/index.js';
import { BatchError, NumericError, StateError } from './trainer-errors.js';
import type { Parameter } from './optimizer.js';
import type { NamedTensor, TrainingBatch } from './trainer.js';

/** @throws NumericError */
export function requireFinite(values: Float32Array, what: string, step: number): void {
  // 0 · x is 0 for finite x and NaN otherwise: one pass without a branch.
  let probe = 0;
  for (let at = 0, { length } = values; at < length; at++) probe += 0 * (values[at] ?? 0);
  if (probe !== 0) throw new NumericError(what, step);
}

/** @throws BatchError */
export function checkBatch(
  { samples, targets, teacherLogits }: TrainingBatch,
  inputs: NumericSpecs,
  columns: number,
): void {
  if (samples.count < 1) throw new BatchError('rows', String(samples.count), 'at least one');
  checkSamples(samples, inputs);
  if (targets !== null) checkTargets(targets, samples.count, columns);
  else if (teacherLogits === null) throw new BatchError('batch', 'neither targets nor logits', 'one of them');
  if (teacherLogits === null) return;
  const rows = samples.count * (targets?.kind === 'class' ? targets.perSample : 1);
  checkRows('teacher logits', teacherLogits.length, rows * columns);
}

/** @throws BatchError */
export function checkTargets(targets: Targets, samples: number, columns: number): void {
  switch (targets.kind) {
    case 'class':
      checkRows('labels', targets.labels.length, samples * targets.perSample);
      checkLabels(targets.labels, columns);
      return;
    case 'classes':
    case 'values':
      checkRows('targets', targets.values.length, samples * columns);
  }
}

/** @throws BatchError at the first input whose tensor is missing, or of another type or size */
export function checkSamples(samples: Samples, inputs: NumericSpecs): void {
  for (const [name, { dtype, shape }] of Object.entries(inputs)) {
    const tensor = inputFor(samples.inputs, name, inputs);
    if (tensor?.dtype !== dtype) throw new BatchError(`input ${name}`, tensor?.dtype ?? 'none', dtype);
    checkRows('samples', tensor.data.length, samples.count * sizeOf(shape));
  }
}

/** @param parameters what the gradients are of, in their order @throws BatchError, NumericError */
export function checkGradients(values: readonly Float32Array[], parameters: readonly Parameter[], step: number): void {
  checkRows('gradients', values.length, parameters.length);
  values.forEach((gradient, index) => {
    const { name = '', values: weight } = parameters[index] ?? {};
    checkRows(`gradient of ${name}`, gradient.length, weight?.length ?? 0);
    requireFinite(gradient, `gradient of ${name}`, step);
  });
}

/** @throws BatchError */
function checkRows(what: string, found: number, expected: number): void {
  if (found !== expected) throw new BatchError(what, `${found} numbers`, `${expected} for this model`);
}

/** @throws BatchError */
function checkLabels(labels: Int32Array, columns: number): void {
  const stray = labels.find((label) => label < 0 || label >= columns);
  if (stray !== undefined) throw new BatchError('labels', String(stray), `0 to ${columns - 1}, the model's columns`);
}

/** @throws StateError at the first tensor that is missing, foreign or of another shape */
export function checkTensors(
  found: readonly NamedTensor[],
  expected: readonly { readonly name: string; readonly shape: readonly number[] }[],
): void {
  expected.forEach(({ name, shape }, index) => {
    const tensor = found[index];
    const wanted = `${name} ${JSON.stringify(shape)}`;
    if (tensor === undefined) throw new StateError(name, 'none', wanted);
    const size = sizeOf(shape);
    const same = tensor.name === name && tensor.shape.join() === shape.join() && tensor.data.length === size;
    if (!same) throw new StateError(tensor.name, `${tensor.name} ${JSON.stringify(tensor.shape)}`, wanted);
  });
  const extra = found[expected.length];
  if (extra !== undefined) throw new StateError(extra.name, 'it', 'no more tensors');
}
