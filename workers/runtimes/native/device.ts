/** TensorFlow as the device of a trainer (workers/models/device.ts): a program is a function of its ops. */
import * as tf from '@tensorflow/tfjs-core';
import type { Device, DeviceTensor, Program, Recording } from '../../models/training.js';
import { adamDefinition, fusedAdam } from './adam.js';
import { types } from './addon.js';
import { nodeBackend } from './backend.js';
import { encodeFunction } from './function-def.js';
import type { Lifetimes } from './lifetimes.js';
import { type OpDefinition, opDefinitions } from './op-list.js';
import { OpRecorder } from './recording.js';
import type { StartedNative } from './start.js';

let nextFunction = 0;

export function nativeDevice({ addon, binding }: StartedNative): Device {
  let definitions: ReadonlyMap<string, OpDefinition> | undefined;
  const idsOf = (tensors: readonly tf.Tensor[]): number[] => nodeBackend(tf.backend()).getInputTensorIds(tensors);

  const lifetimes = new WeakMap<Program, Lifetimes>();

  const record = ({ inputs, variables = [], assigned = [], body, isInput, like }: Recording): Program => {
    definitions ??= new Map([...opDefinitions(new Uint8Array(addon.opList())), adamDefinition]);
    const name = `distillery_${String(nextFunction++)}`;
    const held = new Set(idsOf(variables));
    const given = idsOf(inputs).map((id, at) => {
      return { id, type: binding.typeOf(id), shape: inputs[at]?.shape ?? [], isVariable: held.has(id) };
    });
    const changed = idsOf(assigned);
    const recorder = new OpRecorder(definitions, given, binding, like === undefined ? undefined : lifetimes.get(like));
    binding.recorder = recorder;
    tf.engine().startScope();
    try {
      const results = idsOf(body());
      binding.recorder = null;
      const lived = recorder.lifetimes(results);
      const further = isInput === undefined ? [] : recorder.claimed(isInput);
      const definition = recorder.finish(name, further, results, changed);
      addon.addFunction(encodeFunction(definition));
      const program = programOf(name, definition.outputs.length);
      lifetimes.set(program, lived);
      return program;
    } finally {
      binding.recorder = null;
      tf.engine().endScope();
    }
  };
  const programOf = (name: string, results: number): Program => ({
    run: (inputs) =>
      binding.executeOp(
        name,
        [],
        inputs.map(({ id }) => id),
        results,
      ),
    dispose: () => addon.removeFunction(name),
  });
  return {
    upload: (values, shape): DeviceTensor => {
      // By its tag, since the array may come from another realm.
      const type = values[Symbol.toStringTag] === 'Float32Array' ? types.float32 : types.int32;
      return { id: binding.createTensor(shape, type, values), shape };
    },
    variable: (values, shape) => ({ id: binding.createVariable(shape, values), shape }),
    of: (tensor) => {
      const [id] = idsOf([tensor]);
      if (id === undefined) throw new Error('native: a tensor without an id');
      return { id, shape: tensor.shape };
    },
    read: ({ id }) => {
      const values = binding.read(id);
      return values[Symbol.toStringTag] === 'Float32Array' ? (values as Float32Array) : Float32Array.from(values);
    },
    free: (tensors) => {
      for (const { id } of tensors) binding.deleteTensor(id);
    },
    record,
    adam: fusedAdam,
  };
}
