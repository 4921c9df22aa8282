/**
 * What a data set gives to teacher and student: samples as named tensors, and their targets. Nothing here knows formats, and
 * nothing but the augmentation of images and the layout of a model's input knows that a sample is an image.
 *
 * A sample has one or more prediction positions. A model answers one row of logits for each: an image has one position.
 * A target says what is right for a sample; a data set without targets is distilled from the teacher alone.
 */
import type { SampleKind } from '@distillery/protocol';

/** Numbers, row-major; the first axis counts the samples. */
export type NumericTensor =
  | { readonly dtype: 'float32'; readonly shape: readonly number[]; readonly data: Float32Array }
  | { readonly dtype: 'int32'; readonly shape: readonly number[]; readonly data: Int32Array };

/** Texts, one for each sample. Models take numbers: a tokenizer turns texts into them (inputs of a model). */
export interface TextTensor {
  readonly dtype: 'text';
  readonly shape: readonly [number];
  readonly data: readonly string[];
}

export type Tensor = NumericTensor | TextTensor;

/** Some samples. */
export interface Samples {
  readonly count: number;
  /** By name, all of `count` samples. */
  readonly inputs: Readonly<Record<string, Tensor>>;
}

/** What is right for some samples. */
export type Targets =
  /** One class for each prediction position: [samples × perSample], each below the number of classes. */
  | { readonly kind: 'class'; readonly perSample: number; readonly labels: Int32Array }
  /** Any number of classes for each sample: [samples, classes], 1 where the class applies and else 0. */
  | { readonly kind: 'classes'; readonly classes: number; readonly values: Uint8Array }
  /** Numbers to be predicted: [samples, width]. */
  | { readonly kind: 'values'; readonly width: number; readonly values: Float32Array };

/** What all targets of a split have in common. */
export type TargetSpec =
  /** @param classes number of classes: largest label + 1, or the number of `names` */
  | { readonly kind: 'class' | 'classes'; readonly classes: number; readonly names: readonly string[] | null }
  | { readonly kind: 'values'; readonly width: number };

/** One input of a model, or of a data set's samples. */
export interface InputSpec {
  readonly dtype: Tensor['dtype'];
  /** Of one sample; a text has []. */
  readonly shape: readonly number[];
  /** int32: all values are below this number, as those of a vocabulary; absent where no one says. */
  readonly values?: number;
}
export type InputSpecs = Readonly<Record<string, InputSpec>>;

/** One input of a model: numbers. */
export interface NumericSpec extends InputSpec {
  readonly dtype: NumericTensor['dtype'];
}
export type NumericSpecs = Readonly<Record<string, NumericSpec>>;

/** One input of a data set's samples. Its kind decides how it is augmented; images are float32. */
export type SampleInput =
  | (InputSpec & { readonly dtype: 'float32'; readonly kind: SampleKind })
  | (InputSpec & { readonly kind: Exclude<SampleKind, 'image'> });

/** What all samples of a split have in common. */
export interface SampleSpec {
  readonly inputs: Readonly<Record<string, SampleInput>>;
  /** Prediction positions of each sample. */
  readonly positions: number;
  /** null = the samples have no targets. */
  readonly target: TargetSpec | null;
}

/** One split of a data set, readable in any order. */
export interface Split {
  /** Number of samples. */
  readonly length: number;
  readonly spec: SampleSpec;
  /**
   * Where rows far apart are dear to read: how many rows lie together, for `training.shuffle: Blocks`. Absent = any order
   * costs the same.
   */
  readonly rowsPerBlock?: number;
  /** Samples by index, as `spec` describes them; the caller owns the arrays. */
  read(indices: ArrayLike<number>): Promise<Samples>;
  /** Targets of the samples named; null where the data set has none. */
  targets(indices: ArrayLike<number>): Promise<Targets | null>;
  close(): Promise<void>;
}

/** The name of the input of samples that have only one. */
export const onlyInput = 'input';

/** Values of one sample: the product of the sizes. */
export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Samples with one image each. @param data [count, ...shape], values in [0, 1] */
export function imageSamples(shape: readonly number[], data: Float32Array): Samples {
  const count = data.length / sizeOf(shape);
  return { count, inputs: { [onlyInput]: { dtype: 'float32', shape: [count, ...shape], data } } };
}

/** The inputs of samples with one image each. */
export function imageInputs(shape: readonly number[]): SampleSpec['inputs'] {
  return { [onlyInput]: { dtype: 'float32', shape, kind: 'image' } };
}

/** The samples from `start` up to, not including, `end`, over the same memory. */
export function samplesBetween({ inputs }: Samples, start: number, end: number): Samples {
  const cut = (tensor: Tensor): Tensor => {
    const [, ...shape] = tensor.shape;
    const size = sizeOf(shape);
    const part = { shape: [end - start, ...shape] };
    if (tensor.dtype === 'text') return { dtype: 'text', shape: [end - start], data: tensor.data.slice(start, end) };
    return tensor.dtype === 'float32'
      ? { ...part, dtype: 'float32', data: tensor.data.subarray(start * size, end * size) }
      : { ...part, dtype: 'int32', data: tensor.data.subarray(start * size, end * size) };
  };
  return {
    count: end - start,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, cut(tensor)])),
  };
}

/** The targets of the samples from `start` up to, not including, `end`, over the same memory. */
export function targetsBetween(targets: Targets, start: number, end: number): Targets {
  switch (targets.kind) {
    case 'class': {
      const { perSample, labels } = targets;
      return { ...targets, labels: labels.subarray(start * perSample, end * perSample) };
    }
    case 'classes':
      return { ...targets, values: targets.values.subarray(start * targets.classes, end * targets.classes) };
    case 'values':
      return { ...targets, values: targets.values.subarray(start * targets.width, end * targets.width) };
  }
}

/** Inputs for people: "28 × 28 × 1", or with their names where there are several. */
export function inputsText(inputs: InputSpecs): string {
  const entries = Object.entries(inputs);
  const text = ({ dtype, shape }: InputSpec): string => {
    if (dtype === 'text') return 'text';
    const sizes = shape.length === 0 ? '1' : shape.join(' × ');
    return sizes + (dtype === 'float32' ? '' : ` of ${dtype}`);
  };
  if (entries.length === 1) return entries.map(([, spec]) => text(spec)).join();
  return entries.map(([name, spec]) => `${name} ${text(spec)}`).join(', ');
}

/**
 * What belongs to an input of a model: what has its name, or, where both have a single input, that one whatever its name.
 * @param wanted the inputs of the model
 */
export function inputFor<Input>(
  given: Readonly<Record<string, Input>>,
  name: string,
  wanted: InputSpecs,
): Input | undefined {
  const [only, ...others] = Object.values(given);
  if (only !== undefined && others.length === 0 && Object.keys(wanted).length === 1) return only;
  return given[name];
}

/** Whether both have the same inputs, by name, type and shape. */
export function sameInputs(left: InputSpecs, right: InputSpecs): boolean {
  const names = Object.keys(left);
  return (
    names.length === Object.keys(right).length &&
    names.every((name) => {
      const [mine, theirs] = [left[name], right[name]];
      return mine?.dtype === theirs?.dtype && mine?.shape.join() === theirs?.shape.join();
    })
  );
}
