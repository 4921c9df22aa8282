/** Numbers of samples as the element type of a model's input. Pure. */
import { InputError } from './errors.js';
import type { ElementType, FeedData } from './model-input.js';

/** Whole numbers that a type holds; null = it holds fractions. */
const ranges: Readonly<Record<ElementType, readonly [number, number] | null>> = {
  float32: null,
  float16: null,
  float64: null,
  int32: [-(2 ** 31), 2 ** 31 - 1],
  int64: [-(2 ** 53), 2 ** 53],
  uint8: [0, 255],
  int8: [-128, 127],
  bool: [0, 1],
};

/** Whether values of a type are whole numbers. */
export function isWhole(dtype: ElementType): boolean {
  return ranges[dtype] !== null;
}

/**
 * The values as `dtype`. Whole numbers are rounded to the nearest, ties to even.
 * @returns `values` itself where nothing has to change
 * @throws InputError for a value that the type cannot hold
 */
export function elementsOf(dtype: ElementType, values: Float32Array | Int32Array, input: string): FeedData {
  checkRange(dtype, values, input);
  switch (dtype) {
    case 'float32':
      return values instanceof Float32Array ? values : Float32Array.from(values);
    case 'float16':
      return Float16Array.from(values);
    case 'float64':
      return Float64Array.from(values);
    case 'int32':
      return values instanceof Int32Array ? values : Int32Array.from(values, rounded);
    case 'int64':
      return BigInt64Array.from(values as Iterable<number>, (value: number) => BigInt(rounded(value)));
    case 'uint8':
    case 'bool':
      return Uint8Array.from(values, rounded);
    case 'int8':
      return Int8Array.from(values, rounded);
  }
}

function checkRange(dtype: ElementType, values: Float32Array | Int32Array, input: string): void {
  const range = ranges[dtype];
  if (range === null || (dtype === 'int32' && values instanceof Int32Array)) return;
  const [least, most] = range;
  const at = values.findIndex((value: number) => !(value > least - 0.5 && value < most + 0.5));
  if (at < 0) return;
  throw new InputError({
    about: `input ${input}`,
    found: `the value ${String(values[at])}`,
    expected: `${String(least)} to ${String(most)}, as ${dtype} holds`,
    remedy: `correct scale, mean and std of this input, or export the model with a float32 input`,
  });
}

/** To the nearest whole number, ties to even, as IEEE 754 and numpy do. */
function rounded(value: number): number {
  const down = Math.floor(value);
  const rest = value - down;
  if (rest !== 0.5) return rest < 0.5 ? down : down + 1;
  return down % 2 === 0 ? down : down + 1;
}
