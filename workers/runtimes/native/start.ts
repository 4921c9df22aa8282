/**
 * Starts tfjs on TensorFlow: our binding below the kernels of tfjs-node, from a folder that `npm run native` built. All
 * that decides bits is set here and named by the identity: threads, instruction set, oneDNN, the library's version, on an
 * accelerator its model.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import type { InstructionSet } from '@distillery/protocol';
import { librarySentence } from '../../base/index.js';
import { setBackend } from '../backend.js';
import { RuntimeError } from '../runtime.js';
import { adamFunction, registerAdam } from './adam.js';
import { type Addon, loadAddon, nativeFiles } from './addon.js';
import { Binding } from './binding.js';
import { replaceKernels } from './kernels.js';
import { instructionSetOf, type NativeSettings } from './settings.js';

/** The backend's name in the kernels of tfjs-node. */
export const nativeBackendName = 'tensorflow';

export interface StartedNative {
  readonly addon: Addon;
  readonly binding: Binding;
  readonly description: string;
}

/** What computes: the processor, or NVIDIA devices, of which the kernels take the first. */
export type NativeDevice = { readonly runtime: 'native' } | { readonly runtime: 'cuda'; readonly model: string };

export const onCpu: NativeDevice = { runtime: 'native' };

interface KernelModule {
  readonly NodeJSKernelBackend: new (binding: Binding, packageName: string) => tf.KernelBackend;
}

let started: { readonly key: string; readonly native: StartedNative } | null = null;

/** Once a thread: a second call with the same settings makes the backend the current one again. @throws RuntimeError */
export async function startNative(given: NativeSettings, device: NativeDevice = onCpu): Promise<StartedNative> {
  const { runtime } = device;
  const { folder, threads } = given;
  const settings = { folder, threads, instructionSet: instructionSetOf(given) };
  const key = JSON.stringify([settings, device]);
  if (started !== null && started.key !== key) {
    throw new RuntimeError(runtime, { problem: 'TensorFlow runs on this thread with other settings', remedy: '' });
  }
  try {
    started ??= { key, native: load(settings, device) };
    if (await setBackend(nativeBackendName)) return started.native;
  } catch (cause) {
    if (cause instanceof RuntimeError) throw cause;
    const problem = `TensorFlow does not start (${librarySentence(cause)})`;
    throw new RuntimeError(runtime, { problem, remedy: 'build it again with `npm run native`, or use runtime wasm' });
  }
  throw new RuntimeError(runtime, { problem: 'its tfjs backend did not start', remedy: 'use runtime wasm' });
}

interface Settled extends NativeSettings {
  readonly instructionSet: InstructionSet;
}

function load({ folder, threads, instructionSet }: Settled, device: NativeDevice): StartedNative {
  if (folder === null) throw new Error('no folder');
  const addon = loadAddon(folder);
  // Before the first operation, which reads it. Whether oneDNN is used at all is read while the library
  // loads: the process sets it (packages/protocol/src/quiet.ts).
  addon.setVariable('ONEDNN_MAX_CPU_ISA', instructionSet);
  if (device.runtime === 'cuda') {
    addon.setVariable('TF_DETERMINISTIC_OPS', '1');
    addon.showWarnings();
  }
  addon.open(configuration(threads, device));
  if (device.runtime === 'cuda' && !addon.devices().includes('GPU')) {
    // This thread may go on with `native`, in the context that is open.
    addon.setVariable('TF_DETERMINISTIC_OPS', '0');
    const remedy = 'see the line of the library before this one for what is missing, or use runtime native';
    throw new RuntimeError('cuda', { problem: 'TensorFlow finds no NVIDIA device that it can use', remedy });
  }
  const binding = new Binding(addon);
  const file = join(folder, nativeFiles.kernels);
  const kernels = createRequire(import.meta.url)(file) as (core: typeof tf) => KernelModule;
  const { NodeJSKernelBackend } = kernels(tf);
  replaceKernels(nativeBackendName);
  registerAdam(nativeBackendName);
  addon.addFunction(adamFunction());
  tf.registerBackend(nativeBackendName, () => new NodeJSKernelBackend(binding, 'native'));
  const count = threads === 1 ? '1 thread' : `${String(threads)} threads`;
  const identity = device.runtime === 'cuda' ? device.model : `${instructionSet}, ${count}`;
  return { addon, binding, description: `${device.runtime} (TensorFlow ${addon.version()}, ${identity})` };
}

/**
 * A ConfigProto: threads of one operation (field 2), and one operation at a time (field 5). On the processor it has no
 * device of type GPU (field 1), as a build for CUDA would take those that it finds. On an accelerator, operations without a
 * kernel there run on the processor (field 7), and memory is taken as it is needed (field 6), not all of it at once.
 */
function configuration(threads: number, { runtime }: NativeDevice): Uint8Array {
  const proto = new BinaryWriter().tag(2, WireType.Varint).int32(threads).tag(5, WireType.Varint).int32(1);
  const message = (field: number, content: (inner: BinaryWriter) => BinaryWriter): BinaryWriter =>
    content(proto.tag(field, WireType.LengthDelimited).fork()).join();
  if (runtime === 'native') {
    return message(1, (entry) =>
      entry.tag(1, WireType.LengthDelimited).string('GPU').tag(2, WireType.Varint).int32(0),
    ).finish();
  }
  message(6, (options) => options.tag(4, WireType.Varint).bool(true));
  return proto.tag(7, WireType.Varint).bool(true).finish();
}
