/**
 * Adam's update of one weight by TensorFlow's own kernel, which passes once over the numbers where the composed formula passes
 * fourteen times. The kernel changes variables in place; a program has none, so the function below makes three that live for
 * one call.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { FusedAdam } from '../../models/training.js';
import { kinds, type OpAttribute, types } from './addon.js';
import { nodeBackend } from './backend.js';
import { encodeFunction, type FunctionNode } from './function-def.js';
import type { OpArgument, OpDefinition } from './op-list.js';

/** Of the function, and of the kernel of tfjs that calls it. */
const name = 'DistilleryAdam';
const state = ['weight', 'm', 'v'] as const;
const inputs = [...state, 'rate', 'beta1', 'beta2', 'epsilon', 'gradient'] as const;

const float: OpAttribute = { name: 'dtype', type: kinds.type, value: types.float32 };
/** A name that TensorFlow knows: each execution makes a variable that no other sees, and that ends with it. */
const anonymous: OpAttribute = {
  name: 'shared_name',
  type: kinds.string,
  value: 'cd2c89b7-88b7-44c8-ad83-06c2a9158347',
};
/** An AttrValue of a shape of unknown rank. */
const anyShape = { name: 'shape', encoded: Uint8Array.of(0x3a, 2, 0x18, 1) };
const resultOf = (each: string): string => `${each}_out`;

/** Serialized; added once to a context. */
export function adamFunction(): Uint8Array {
  const zero = { name: 'value', constant: { type: types.float32, shape: [], bytes: new Uint8Array(4) } };
  const handle = (each: string): string => `${each}_variable:resource:0`;
  const variables = state.flatMap((each): FunctionNode[] => [
    { name: `${each}_variable`, op: 'VarHandleOp', inputs: [], attributes: [float, anyShape, anonymous] },
    { name: `${each}_set`, op: 'AssignVariableOp', inputs: [handle(each), each], attributes: [float] },
  ]);
  // Powers of 0 leave the corrections out: rate and epsilon hold them already.
  const apply: FunctionNode = {
    name: 'apply',
    op: 'ResourceApplyAdam',
    inputs: [
      ...state.map(handle),
      ...['zero:output:0', 'zero:output:0', 'rate', 'beta1', 'beta2', 'epsilon', 'gradient'],
      ...state.map((each) => `^${each}_set`),
    ],
    attributes: [{ name: 'T', type: kinds.type, value: types.float32 }],
  };
  const reads = state.map((each): FunctionNode => ({
    name: `${each}_read`,
    op: 'ReadVariableOp',
    inputs: [handle(each), '^apply'],
    attributes: [float],
  }));
  return encodeFunction({
    name,
    inputs: inputs.map((each) => ({ name: each, type: types.float32 })),
    outputs: state.map((each) => ({ name: resultOf(each), type: types.float32, value: `${each}_read:value:0` })),
    nodes: [...variables, { name: 'zero', op: 'Const', inputs: [], attributes: [float, zero] }, apply, ...reads],
  });
}

const argument = (each: string): OpArgument => ({
  name: each,
  type: types.float32,
  typeAttribute: '',
  numberAttribute: '',
  typeListAttribute: '',
});

/** As a recording takes it for an op. */
export const adamDefinition: readonly [string, OpDefinition] = [
  name,
  { inputs: inputs.map(argument), outputs: state.map(resultOf).map(argument), attributes: [] },
];

/** Call once a thread, after the kernels of tfjs-node are registered. */
export function registerAdam(backendName: string): void {
  tf.registerKernel({
    kernelName: name,
    backendName,
    kernelFunc: ({ inputs: given, backend }) => {
      const ordered = inputs.flatMap((each) => given[each] ?? []);
      return nodeBackend(backend).executeMultipleOutputs(name, [], ordered, state.length);
    },
  });
}

export const fusedAdam: FusedAdam = (step) => {
  const [weight, m, v] = tf.engine().runKernel<tf.Tensor[]>(name, { ...step });
  if (weight === undefined || m === undefined || v === undefined) throw new Error('native: Adam without a result');
  return { weight, m, v };
};
