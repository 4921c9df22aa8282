/** What a preset learns of the data set: it fills in the sizes that are no parameters. Pure. */
import { count } from '@distillery/base';

/** One input of the samples. */
export interface PresetInput {
  readonly dtype: 'float32' | 'int32';
  /** Of one sample. */
  readonly shape: readonly number[];
  /** int32: all values are below this number; undefined where the data set does not say. */
  readonly values?: number | undefined;
}

export interface PresetData {
  /** By name. */
  readonly inputs: Readonly<Record<string, PresetInput>>;
  /** Number of classes; undefined where the data set does not say. */
  readonly outputs?: number | undefined;
}

/**
 * What presets distinguish. `images`: float32 [height, width, channels]. `ids`: int32 [length], of tokens; `bytes`: the same
 * with values of bytes.
 */
export type DataKind = 'images' | 'numbers' | 'ids' | 'bytes' | 'other';

/** Values of a byte: 0 to 255, and 256 for what is past the end of a file. */
export const byteValues = 257;

export function kindOf({ dtype, shape, values }: PresetInput): DataKind {
  if (dtype === 'int32') {
    if (shape.length !== 1) return 'other';
    return values !== undefined && values <= byteValues ? 'bytes' : 'ids';
  }
  return shape.length === 3 ? 'images' : shape.length >= 1 ? 'numbers' : 'other';
}

/** For people: `images of 28 × 28 × 1`, `64 token ids below 30522`. */
export function dataText(inputs: PresetData['inputs']): string {
  const texts = Object.values(inputs).map(inputText);
  return texts.length === 0 ? 'no inputs' : texts.join(' and ');
}

function inputText(input: PresetInput): string {
  const { dtype, shape, values } = input;
  const sizes = shape.join(' × ');
  switch (kindOf(input)) {
    case 'images':
      return `images of ${sizes}`;
    case 'numbers':
      return `numbers of shape ${sizes}`;
    case 'bytes':
      return count(shape[0] ?? 0, 'byte');
    case 'ids':
      return `${count(shape[0] ?? 0, 'token id')}${values === undefined ? '' : ` below ${values}`}`;
    case 'other':
      return `${dtype} of shape [${shape.join(', ')}]`;
  }
}
