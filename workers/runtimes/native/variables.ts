/** Variables of TensorFlow: tensors that ops change in place. Each is without a name, and ends with the last handle to it. */
import { kinds, type OpAttribute, types } from './addon.js';
import type { Binding, TensorValues } from './binding.js';

export const variableOps = { make: 'VarHandleOp', read: 'ReadVariableOp', assign: 'AssignVariableOp' } as const;

export const float: OpAttribute = { name: 'dtype', type: kinds.type, value: types.float32 };
/** A name that TensorFlow knows: each execution makes a variable that no other sees. */
export const anonymous: OpAttribute = {
  name: 'shared_name',
  type: kinds.string,
  value: 'cd2c89b7-88b7-44c8-ad83-06c2a9158347',
};

/** @returns its id, to be used and freed as that of a tensor */
export function makeVariable(binding: Binding, values: Float32Array, shape: readonly number[]): number {
  const ofShape = { name: 'shape', type: kinds.shape, value: shape };
  const [variable] = binding.executeOp(variableOps.make, [float, ofShape, anonymous], [], 1);
  if (variable === undefined) throw new Error('native: no variable');
  const value = binding.createTensor(shape, types.float32, values);
  try {
    binding.executeOp(variableOps.assign, [float], [variable.id, value], 0);
    return variable.id;
  } finally {
    binding.deleteTensor(value);
  }
}

/** A copy of the present values. */
export function readVariable(binding: Binding, id: number): TensorValues {
  const [value] = binding.executeOp(variableOps.read, [float], [id], 1);
  if (value === undefined) throw new Error('native: no value');
  try {
    return binding.read(value.id);
  } finally {
    binding.deleteTensor(value.id);
  }
}
