/** What a model takes, and what is given to it: the words that plans, sessions and trainers share. */

/** One axis of a model's input; null = any size. */
export type AxisSize = number | null;

/** Types of a model's tensors, as ONNX names them. */
export const elementTypes = ['float32', 'float16', 'float64', 'int32', 'int64', 'uint8', 'int8', 'bool'] as const;
export type ElementType = (typeof elementTypes)[number];

/** One input of a model, as its file says. */
export interface ModelInput {
  readonly name: string;
  readonly dtype: ElementType;
  /** With the batch axis first. */
  readonly shape: readonly AxisSize[];
  /** Of an input of ids: how many different ones the model knows; absent = it does not say. */
  readonly ids?: number;
}

export type FeedData = Float32Array | Float16Array | Float64Array | Int32Array | BigInt64Array | Uint8Array | Int8Array;

/** One input of one batch, ready for the model. */
export interface Feed {
  readonly dtype: ElementType;
  /** Row-major; the first axis counts the samples. */
  readonly shape: readonly number[];
  readonly data: FeedData;
}

/** "[N, 1, 28, 28]"; an axis of any size is "?", the first one "N". */
export function shapeText(shape: readonly AxisSize[]): string {
  return `[${shape.map((axis, at) => axis ?? (at === 0 ? 'N' : '?')).join(', ')}]`;
}

/** Inputs for people: "input_ids int64 [N, ?], pixels float32 [N, 3, 224, 224]". */
export function modelInputsText(inputs: readonly ModelInput[]): string {
  return inputs.map(({ name, dtype, shape }) => `${name} ${dtype} ${shapeText(shape)}`).join(', ');
}
