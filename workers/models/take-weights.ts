/** Gives a student the weights that it starts from: each by its name and shape, or not at all. */
import type { NamedWeights } from '@distillery/protocol';

import { modelLabels } from './keras3-weights.js';
import { layerPatterns, someOf } from './layer-patterns.js';
import type { StartingWeights } from './starting-weights.js';
import { StudentModelError } from './trainer-errors.js';

/** A weight of a student. */
interface Taker {
  readonly name: string;
  readonly shape: readonly number[];
  assign(values: Float32Array): void;
}

/** What converters add to the names of Keras. */
const outputNumber = /:0$/;

/**
 * Writes the given values into the model. A name fits with or without the leading names of the model that the weight was in.
 * @returns what was not used, in sentences
 * @throws StudentModelError at the first weight without a value of its name and shape
 */
export function takeWeights(model: readonly Taker[], { weights, except }: StartingWeights): readonly string[] {
  const given = new Map(weights.map((tensor) => [tensor.name.replace(outputNumber, ''), tensor]));
  const left = excepted(model, except);
  const labels = modelLabels(model.map(({ name }) => name));
  const used = new Set<NamedWeights>();
  for (const weight of model.filter((each) => !left.has(each))) {
    const tensor = valueFor(weight, given, labels.get(weight.name) ?? '');
    used.add(tensor);
    weight.assign(tensor.data);
  }
  const unused = [...given].flatMap(([name, tensor]) => (used.has(tensor) ? [] : [name]));
  if (unused.length === 0) return [];
  const names = someOf(unused);
  return [`student.model.weights: the student has no place for ${String(unused.length)} of its weights: ${names}`];
}

/** @throws StudentModelError for a pattern that names no layer with weights */
function excepted(model: readonly Taker[], patterns: readonly string[]): ReadonlySet<Taker> {
  const found = new Set<Taker>();
  for (const pattern of layerPatterns(patterns)) {
    const matched = model.filter(({ name }) => layersIn(name).some((layer) => pattern.matches(layer)));
    if (matched.length === 0) {
      const names = [...new Set(model.map(({ name }) => layersIn(name)[0] ?? name))];
      throw new StudentModelError('weights.except', `no layer named ${pattern.text}`, `one of ${someOf(names)}`, {
        remedy: 'correct spec.student.model.weights.except',
      });
    }
    for (const weight of matched) found.add(weight);
  }
  return found;
}

/** `a/b/kernel` belongs to `a`, to `b` in it, and to `a/b`. */
function layersIn(weight: string): readonly string[] {
  const parts = weight.split('/').slice(0, -1);
  return [...parts, ...parts.map((_, at) => parts.slice(0, at + 1).join('/'))];
}

function valueFor({ name, shape }: Taker, given: ReadonlyMap<string, NamedWeights>, label: string): NamedWeights {
  const where = `weight ${name}`;
  const wanted = `one of shape ${JSON.stringify(shape)}`;
  const exact = given.get(name) ?? given.get(label);
  const fitting =
    exact === undefined ? [...given].filter(([other]) => other.endsWith(`/${name}`)) : [[exact.name, exact] as const];
  const [only, ...more] = fitting;
  if (only === undefined) {
    const found = `no weight of this name among those to start from (${someOf([...given.keys()])})`;
    throw new StudentModelError(where, found, wanted, { remedy });
  }
  if (more.length > 0) {
    throw new StudentModelError(
      where,
      `several weights that fit (${someOf(fitting.map(([other]) => other))})`,
      wanted,
      { remedy },
    );
  }
  const [from, tensor] = only;
  if (tensor.shape.join() !== shape.join()) {
    throw new StudentModelError(where, `${from} of shape ${JSON.stringify(tensor.shape)}`, wanted, { remedy });
  }
  const stray = tensor.data.find((value) => !Number.isFinite(value));
  if (stray !== undefined) {
    throw new StudentModelError(where, `${String(stray)} in ${from}`, 'finite numbers', {
      remedy: 'start from another model (spec.student.model.weights.uri)',
    });
  }
  return tensor;
}

const remedy =
  'start from weights of the same model (spec.student.model.weights.uri), or name the layer in ' +
  'spec.student.model.weights.except, so that it starts from the seed';
