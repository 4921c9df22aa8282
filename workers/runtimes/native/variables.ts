/** Variables of TensorFlow: tensors that ops change in place. Each is without a name, and ends with the last handle to it. */
import { type Addon, kinds, type OpAttribute } from './addon.js';
import { type Constant, dtypeOf } from './function-def.js';

export const variableOps = { make: 'VarHandleOp', read: 'ReadVariableOp', assign: 'AssignVariableOp' } as const;

/** A name that TensorFlow knows: each execution makes a variable that no other sees. */
export const anonymous: OpAttribute = {
  name: 'shared_name',
  type: kinds.string,
  value: 'cd2c89b7-88b7-44c8-ad83-06c2a9158347',
};

/** @returns the id of a handle, to be used and deleted as that of a tensor */
export function makeVariable(addon: Addon, { type, shape, bytes }: Constant): number {
  const dtype = dtypeOf(type);
  const ofShape = { name: 'shape', type: kinds.shape, value: shape };
  const [handle] = addon.executeOp(variableOps.make, [dtype, ofShape, anonymous], [], 1);
  if (handle === undefined) throw new TypeError('TensorFlow made no variable');
  const value = addon.createTensor(type, shape, bytes);
  try {
    addon.executeOp(variableOps.assign, [dtype], [handle.id, value], 0);
    return handle.id;
  } finally {
    addon.deleteTensor(value);
  }
}

/** A copy of the bytes that it holds now. */
export function readVariable(addon: Addon, id: number, type: number): ArrayBuffer {
  const [value] = addon.executeOp(variableOps.read, [dtypeOf(type)], [id], 1);
  if (value === undefined) throw new TypeError('TensorFlow read no variable');
  try {
    return addon.readTensor(value.id);
  } finally {
    addon.deleteTensor(value.id);
  }
}
