/**
 * Adam's update of one weight by TensorFlow's own kernel, which passes once over the numbers where the composed formula passes
 * fourteen times. The kernel changes variables in place. Where an update is recorded its arguments are tensors: the function
 * below makes three variables that live for one call.
 */
import * as tf from '@tensorflow/tfjs-core';
import type { FusedAdam } from '../../models/training.js';
import { kinds, types } from './addon.js';
import { nodeBackend } from './backend.js';
import { type Constant, constantNode, dtypeOf, encodeFunction, type FunctionNode } from './function-def.js';
import type { InPlaceOp, OpArgument, OpDefinition } from './op-list.js';
import { anonymous, variableOps } from './variables.js';

/** Of the function, and of the kernel of tfjs that calls it. */
const name = 'DistilleryAdam';
const state = ['weight', 'm', 'v'] as const;
const inputs = [...state, 'rate', 'beta1', 'beta2', 'epsilon', 'gradient'] as const;

/** Powers of 0 leave the corrections out: rate and epsilon hold them already. */
const zero: Constant = { type: types.float32, shape: [], bytes: new Uint8Array(4) };
const inPlace: InPlaceOp = {
  op: 'ResourceApplyAdam',
  attributes: [{ name: 'T', type: kinds.type, value: types.float32 }],
  variables: state.length,
  constants: [zero, zero],
};
const float = dtypeOf(types.float32);
/** An AttrValue of a shape of unknown rank. */
const anyShape = { name: 'shape', encoded: Uint8Array.of(0x3a, 2, 0x18, 1) };
const resultOf = (each: string): string => `${each}_out`;

/** Serialized; added once to a context. */
export function adamFunction(): Uint8Array {
  const handle = (each: string): string => `${each}_variable:resource:0`;
  const variables = state.flatMap((each): FunctionNode[] => [
    { name: `${each}_variable`, op: variableOps.make, inputs: [], attributes: [float, anyShape, anonymous] },
    { name: `${each}_set`, op: variableOps.assign, inputs: [handle(each), each], attributes: [float] },
  ]);
  const apply: FunctionNode = {
    name: 'apply',
    op: inPlace.op,
    inputs: [
      ...state.map(handle),
      ...['zero:output:0', 'zero:output:0', 'rate', 'beta1', 'beta2', 'epsilon', 'gradient'],
      ...state.map((each) => `^${each}_set`),
    ],
    attributes: inPlace.attributes,
  };
  const reads = state.map((each): FunctionNode => ({
    name: `${each}_read`,
    op: variableOps.read,
    inputs: [handle(each), '^apply'],
    attributes: [float],
  }));
  return encodeFunction({
    name,
    inputs: inputs.map((each) => ({ name: each, type: types.float32 })),
    outputs: state.map((each) => ({ name: resultOf(each), type: types.float32, value: `${each}_read:value:0` })),
    nodes: [...variables, constantNode('zero', zero), apply, ...reads],
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
  { inputs: inputs.map(argument), outputs: state.map(resultOf).map(argument), attributes: [], inPlace },
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
