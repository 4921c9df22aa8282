/** How a field of numbers becomes a model's input: shape, scale and type. */
import { sizeOf } from '../samples/index.js';
import { elementsOf } from './element.js';
import { InputError } from './errors.js';
import type { PlannedInput } from './image-plan.js';
import { type Feed, type ModelInput, shapeText } from './model-input.js';
import type { InputSetting } from './settings.js';

/**
 * The field's shape must be the input's, or the input takes all of its values in one row.
 * @throws InputError when they do not fit
 */
export function planTensor(
  about: string,
  input: ModelInput,
  shape: readonly number[],
  { scale, mean, std, layout, resize }: InputSetting,
  from: string,
): Omit<PlannedInput, 'feed'> & { feed(values: Float32Array | Int32Array, count: number): Feed } {
  const misplaced = Object.entries({ layout, resize }).find(([, value]) => value !== undefined);
  if (misplaced !== undefined) {
    throw new InputError({
      about,
      problem: `${from}.${misplaced[0]} is for images, and input ${input.name} takes a field of numbers`,
      remedy: `leave ${from}.${misplaced[0]} out`,
    });
  }
  const [, ...axes] = input.shape;
  const size = sizeOf(shape);
  const same = axes.length === shape.length && axes.every((axis, at) => axis === null || axis === shape[at]);
  const flat = axes.length === 1 && (axes[0] === null || axes[0] === size);
  if (!same && !flat) {
    throw new InputError({
      about,
      found: `an input ${input.name} of shape ${shapeText(input.shape)}`,
      expected: `samples of ${shape.join(' × ')}`,
      remedy: 'use a model made for this data set, or correct the field in dataset.fields',
    });
  }
  const values = shape.at(-1) ?? 1;
  for (const [name, numbers] of Object.entries({ mean, std })) {
    if (numbers === undefined || numbers.length === 1 || numbers.length === values) continue;
    throw new InputError({
      about,
      found: `${from}.${name} of ${String(numbers.length)} values`,
      expected: `1, or ${String(values)} as the last axis of the field has`,
      remedy: `correct ${from}.${name}`,
    });
  }
  const asGiven = scale === undefined && mean === undefined && std === undefined;
  const given = (numbers: readonly number[] | undefined, at: number, otherwise: number): number =>
    numbers === undefined ? otherwise : (numbers[numbers.length === 1 ? 0 : at % values] ?? otherwise);
  const sizes = same ? shape : [size];
  return {
    description: `${shapeText([null, ...sizes])}${input.dtype === 'float32' ? '' : ` of ${input.dtype}`}`,
    notes: [],
    feed: (numbers, count) => {
      const scaled = asGiven
        ? numbers
        : Float32Array.from(
            numbers as Iterable<number>,
            (value, at) => (value * (scale ?? 1) - given(mean, at, 0)) / given(std, at, 1),
          );
      return { dtype: input.dtype, shape: [count, ...sizes], data: elementsOf(input.dtype, scaled, input.name) };
    },
  };
}
