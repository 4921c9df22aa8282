/**
 * The binding in the form that the kernels of tfjs-node call, over our own addon. While a recorder is set, it sees every
 * tensor that is made of values and every op, besides their execution.
 */
import { type Addon, kinds, type OpAttribute, type TensorMetadata, types } from './addon.js';
import { makeVariable, readVariable } from './variables.js';

/** What happens on the device while a program is recorded (record.ts). */
export interface Recorder {
  made(id: number, type: number, shape: readonly number[], bytes: Uint8Array): void;
  ran(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: readonly TensorMetadata[],
  ): void;
  read(id: number): void;
}

export type TensorValues = Float32Array | Int32Array | Uint8Array;

type Values = TensorValues | readonly number[] | readonly boolean[];

export class Binding {
  // Names that the kernels of tfjs-node expect.
  readonly TF_FLOAT = types.float32;
  readonly TF_INT32 = types.int32;
  readonly TF_STRING = types.string;
  readonly TF_COMPLEX64 = types.complex64;
  readonly TF_INT64 = types.int64;
  readonly TF_BOOL = types.bool;
  readonly TF_ATTR_STRING = kinds.string;
  readonly TF_ATTR_INT = kinds.int;
  readonly TF_ATTR_FLOAT = kinds.float;
  readonly TF_ATTR_BOOL = kinds.bool;
  readonly TF_ATTR_TYPE = kinds.type;
  readonly TF_ATTR_SHAPE = kinds.shape;

  recorder: Recorder | null = null;
  readonly #addon: Addon;
  /**
   * By id. No Map: each step adds and deletes ids, and a table that a Map has outgrown keeps the next one alive until the next
   * full collection, so that the heap grew by 1 MiB in 1,000 steps.
   */
  readonly #known: Partial<Record<number, { readonly type: number; readonly shape: readonly number[] }>> = {};

  constructor(addon: Addon) {
    this.#addon = addon;
  }

  isUsingGpuDevice(): boolean {
    return false;
  }

  createTensor(shape: readonly number[], type: number, values: Values): number {
    const bytes = bytesOf(type, values);
    const id = this.#addon.createTensor(type, shape, bytes);
    this.#known[id] = { type, shape };
    this.recorder?.made(id, type, shape, bytes);
    return id;
  }

  deleteTensor(id: number): void {
    Reflect.deleteProperty(this.#known, id);
    this.#addon.deleteTensor(id);
  }

  /** A variable of float32, with a copy of the values. Its id is used as that of a tensor. */
  createVariable(shape: readonly number[], values: Float32Array): number {
    const id = makeVariable(this.#addon, { type: types.float32, shape, bytes: bytesOf(types.float32, values) });
    this.#known[id] = { type: types.resource, shape };
    return id;
  }

  /** Frees the memory of a tensor, which `deleteTensor` will be called for. Its type stays known. */
  release(id: number): void {
    this.#addon.deleteTensor(id);
  }

  tensorDataSync(id: number): TensorValues {
    this.recorder?.read(id);
    return this.read(id);
  }

  /** A copy of the values of a tensor, or of those that a variable holds now. */
  read(id: number): TensorValues {
    const type = this.typeOf(id);
    if (type === types.resource) return new Float32Array(readVariable(this.#addon, id, types.float32));
    const buffer = this.#addon.readTensor(id);
    switch (type) {
      case types.int32:
        return new Int32Array(buffer);
      case types.bool:
        return new Uint8Array(buffer);
      default:
        return new Float32Array(buffer);
    }
  }

  executeOp(
    name: string,
    attributes: readonly OpAttribute[],
    inputs: readonly number[],
    outputs: number,
  ): TensorMetadata[] {
    const results = this.#addon.executeOp(name, attributes, inputs, outputs);
    for (const { id, dtype, shape } of results) this.#known[id] = { type: dtype, shape };
    this.recorder?.ran(name, attributes, inputs, results);
    return results;
  }

  /** @throws Error for a tensor that is gone */
  typeOf(id: number): number {
    return this.#of(id).type;
  }

  /** @throws Error for a tensor that is gone */
  constantOf(id: number): { readonly type: number; readonly shape: readonly number[]; readonly bytes: Uint8Array } {
    return { ...this.#of(id), bytes: new Uint8Array(this.#addon.readTensor(id)) };
  }

  #of(id: number): { readonly type: number; readonly shape: readonly number[] } {
    const known = this.#known[id];
    if (known === undefined) throw new Error(`native: tensor ${String(id)} does not exist`);
    return known;
  }

  getNumOfTensors(): number {
    return this.#addon.tensorCount();
  }
}

function bytesOf(type: number, values: Values): Uint8Array {
  const typed = typedValues(type, values);
  return new Uint8Array(typed.buffer, typed.byteOffset, typed.byteLength);
}

/** tfjs keeps values of a type in several kinds of arrays, plain ones among them. */
function typedValues(type: number, values: Values): TensorValues {
  const numbers = values as ArrayLike<number>;
  switch (type) {
    case types.float32:
    case types.complex64:
      return values instanceof Float32Array ? values : Float32Array.from(numbers);
    // A value of int64 is two numbers, the low half first.
    case types.int32:
    case types.int64:
      return values instanceof Int32Array ? values : Int32Array.from(numbers);
    case types.bool:
      return values instanceof Uint8Array ? values : Uint8Array.from(numbers);
    default:
      throw new Error(`native: found a tensor of TensorFlow's type ${String(type)}, expected numbers`);
  }
}
