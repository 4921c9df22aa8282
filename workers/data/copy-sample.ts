/** One sample, or its target, put in place of another. Pure. */
import { type Samples, sizeOf, type Targets, type Tensor } from '../samples/index.js';

/** @param one a single sample with the same inputs as `into`, which is changed in place */
export function copySample(one: Samples, into: Samples, at: number): void {
  for (const [name, tensor] of Object.entries(into.inputs)) {
    const source = one.inputs[name];
    if (source !== undefined) copyTensor(source, tensor, at);
  }
}

function copyTensor(one: Tensor, into: Tensor, at: number): void {
  if (into.dtype === 'text' || one.dtype === 'text') {
    // The caller decoded the texts and owns the list.
    if (into.dtype === 'text') (into.data as string[])[at] = String(one.data[0] ?? '');
    return;
  }
  const [, ...shape] = into.shape;
  into.data.set(one.data, at * sizeOf(shape));
}

/** @param one the target of a single sample, of the kind of `into`, which is changed in place */
export function copyTarget(one: Targets, into: Targets, at: number): void {
  if (into.kind === 'class' && one.kind === 'class') into.labels.set(one.labels, at * into.perSample);
  if (into.kind === 'classes' && one.kind === 'classes') into.values.set(one.values, at * into.classes);
  if (into.kind === 'values' && one.kind === 'values') into.values.set(one.values, at * into.width);
}
