/** Samples with one image each, as plain numbers; their labels and splits. */
import type { Dataset } from '../../workers/data/index.js';
import { onlyInput, type Samples, type Split, type Targets } from '../../workers/samples/index.js';

/** [samples, height, width, channels] */
export function pixelsOf({ inputs }: Samples): Float32Array {
  const tensor = inputs[onlyInput];
  if (tensor?.dtype !== 'float32') throw new Error('expected samples with one image each');
  return tensor.data;
}

/** One label for each sample. */
export function targetsOf(labels: Int32Array): ClassTargets {
  return { kind: 'class', perSample: 1, labels };
}

export type ClassTargets = Extract<Targets, { readonly kind: 'class' }>;

/** Labels of targets that are classes. */
export function labelsIn(targets: Targets | null): Int32Array {
  if (targets?.kind !== 'class') throw new Error('expected targets that are classes');
  return targets.labels;
}

export async function labelsOf(split: Split, indices: ArrayLike<number>): Promise<Int32Array> {
  return labelsIn(await split.targets(indices));
}

/** The evaluation split of a data set that has one. */
export function heldOut({ test }: Dataset): Split {
  if (test === null) throw new Error('expected a data set with an evaluation split');
  return test;
}
