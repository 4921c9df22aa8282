/** One sample, or its target, put in the place of another. Pure. */
import { type Samples, sizeOf, type Targets, type Tensor } from './samples.js';

/** @param one a single sample with the same inputs as `into`, which is changed in place */
export function copySample(one: Samples, into: Samples, place: number): void {
  for (const [name, tensor] of Object.entries(into.inputs)) {
    const source = one.inputs[name];
    if (source !== undefined) copyTensor(source, tensor, place);
  }
}

function copyTensor(one: Tensor, into: Tensor, place: number): void {
  if (into.dtype === 'text' || one.dtype === 'text') {
    // The caller decoded the texts and owns the list.
    if (into.dtype === 'text') (into.data as string[])[place] = String(one.data[0] ?? '');
    return;
  }
  const [, ...shape] = into.shape;
  into.data.set(one.data, place * sizeOf(shape));
}

/** @param one the target of a single sample, of the kind of `into`, which is changed in place */
export function copyTarget(one: Targets, into: Targets, place: number): void {
  if (into.kind === 'class' && one.kind === 'class') into.labels.set(one.labels, place * into.perSample);
  if (into.kind === 'classes' && one.kind === 'classes') into.values.set(one.values, place * into.classes);
  if (into.kind === 'values' && one.kind === 'values') into.values.set(one.values, place * into.width);
}
