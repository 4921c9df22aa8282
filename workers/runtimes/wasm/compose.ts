/**
 * How a kernel is composed of other kernels of the wasm backend.
 *
 * Owns the temporaries: kernels are called below tfjs's engine, so nothing is counted or freed for us. Everything made
 * through a `Workbench` is freed when the composition ends, except the result; also when it throws.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { Attribute, KernelFunc, NamedTensorInfoMap, TensorInfo } from '@tensorflow/tfjs-core';
import { BackendWasm } from '@tensorflow/tfjs-backend-wasm';

export const wasmBackendName = 'wasm';

/** Attributes as tfjs's own kernels read them; each kernel knows the fields of its own. */
export type Attributes = Readonly<Record<string, unknown>>;

export interface Workbench {
  /** Runs a kernel of the wasm backend; its output is freed with the composition. */
  run(kernel: string, inputs: NamedTensorInfoMap, attributes?: Attributes): TensorInfo;
  /** A tensor of undefined content. Views taken before this call may be stale: the heap may have grown. */
  make(shape: readonly number[]): TensorInfo;
  /** The tensor's content on the heap; valid until the next `run` or `make`. */
  floats(tensor: TensorInfo): Float32Array;
  integers(tensor: TensorInfo): Int32Array;
  transpose(x: TensorInfo, permutation: readonly number[]): TensorInfo;
  reshape(x: TensorInfo, shape: readonly number[]): TensorInfo;
  /** A tensor of the same content with an identity of its own. */
  copy(x: TensorInfo): TensorInfo;
  /** The result of the backend's own kernel for the same inputs, but for those given here. @throws where it has none */
  original(others?: NamedTensorInfoMap): TensorInfo;
}

/** What a composed kernel computes from its inputs and attributes. */
export type Composition = (workbench: Workbench, inputs: Inputs, attributes: Attributes) => TensorInfo;

/** Inputs by name. @throws when the kernel was called without one: a fault of tfjs, not of the user. */
export type Inputs = (name: string) => TensorInfo;

function named(inputs: NamedTensorInfoMap): Inputs {
  return (name) => {
    const tensor = inputs[name];
    if (tensor === undefined) throw new Error(`kernel input: found none named ${name}, expected a tensor`);
    return tensor;
  };
}

/**
 * @param replaced the backend's own kernel that the composition stands in for
 * @returns `composition` as a function that tfjs can register as a kernel of the wasm backend
 */
export function composed(composition: Composition, replaced?: KernelFunc): KernelFunc {
  return ({ inputs, attrs, backend }) => {
    if (!(backend instanceof BackendWasm)) throw new Error('kernel: found another backend, expected wasm');
    const made: TensorInfo[] = [];
    let result: TensorInfo | undefined;
    try {
      const original = (others: NamedTensorInfoMap = {}): TensorInfo => {
        if (replaced === undefined) throw new Error('kernel: the wasm backend has no version of its own');
        const given = { inputs: { ...inputs, ...others }, backend };
        return keepOne(replaced(attrs === undefined ? given : { ...given, attrs }), made);
      };
      result = composition(workbench(backend, made, original), named(inputs), attrs ?? {});
      return result;
    } finally {
      for (const tensor of made) if (tensor !== result) backend.disposeData(tensor.dataId);
    }
  };
}

function keepOne(output: TensorInfo | TensorInfo[], made: TensorInfo[]): TensorInfo {
  if (Array.isArray(output)) throw new Error('kernel: found several outputs, expected one');
  made.push(output);
  return output;
}

function workbench(backend: BackendWasm, made: TensorInfo[], original: Workbench['original']): Workbench {
  const run = (kernel: string, inputs: NamedTensorInfoMap, attributes: Attributes = {}): TensorInfo => {
    const { kernelFunc } = tf.getKernel(kernel, wasmBackendName);
    return keepOne(kernelFunc({ inputs, backend, attrs: attributes as Record<string, Attribute> }), made);
  };
  const make = (shape: readonly number[]): TensorInfo => keepOne(backend.makeOutput([...shape], 'float32'), made);
  const floats = (tensor: TensorInfo): Float32Array => backend.typedArrayFromHeap(tensor) as Float32Array;
  return {
    run,
    make,
    floats,
    integers: (tensor) => backend.typedArrayFromHeap(tensor) as Int32Array,
    transpose: (x, permutation) => run('Transpose', { x }, { perm: permutation }),
    reshape: (x, shape) => run('Reshape', { x }, { shape }),
    copy: (x) => {
      const twin = make(x.shape);
      floats(twin).set(floats(x));
      return twin;
    },
    original,
  };
}
