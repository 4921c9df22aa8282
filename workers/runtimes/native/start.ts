/**
 * Starts tfjs on TensorFlow: our binding below the kernels of tfjs-node, from a folder that `npm run native` built. All
 * that decides bits is set here and named by the identity: threads, instruction set, oneDNN, the library's version.
 */
import { createRequire } from 'node:module';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { BinaryWriter, WireType } from '@bufbuild/protobuf/wire';
import { librarySentence } from '../../base/index.js';
import { setBackend } from '../backend.js';
import { RuntimeError } from '../runtime.js';
import { adamFunction, registerAdam } from './adam.js';
import { type Addon, loadAddon, nativeFiles } from './addon.js';
import { Binding } from './binding.js';
import { replaceKernels } from './kernels.js';
import type { NativeSettings } from './settings.js';

/** The backend's name in the kernels of tfjs-node. */
export const nativeBackendName = 'tensorflow';

export interface StartedNative {
  readonly addon: Addon;
  readonly binding: Binding;
  readonly description: string;
}

interface KernelModule {
  readonly NodeJSKernelBackend: new (binding: Binding, packageName: string) => tf.KernelBackend;
}

let started: { readonly key: string; readonly native: StartedNative } | null = null;

/** Once a thread: a second call with the same settings makes the backend the current one again. @throws RuntimeError */
export async function startNative(settings: NativeSettings): Promise<StartedNative> {
  const key = JSON.stringify(settings);
  if (started !== null && started.key !== key) {
    throw new RuntimeError('native', { problem: 'it runs on this thread with other settings', remedy: '' });
  }
  try {
    started ??= { key, native: load(settings) };
    if (await setBackend(nativeBackendName)) return started.native;
  } catch (cause) {
    const problem = `TensorFlow does not start (${librarySentence(cause)})`;
    throw new RuntimeError('native', { problem, remedy: 'build it again with `npm run native`, or use runtime wasm' });
  }
  throw new RuntimeError('native', { problem: 'its tfjs backend did not start', remedy: 'use runtime wasm' });
}

function load({ folder, threads, instructionSet }: NativeSettings): StartedNative {
  if (folder === null) throw new Error('no folder');
  const addon = loadAddon(folder);
  // Before the first operation, which reads it. Whether oneDNN is used at all is read while the library
  // loads: the process sets it (packages/protocol/src/quiet.ts).
  addon.setVariable('ONEDNN_MAX_CPU_ISA', instructionSet);
  addon.open(configuration(threads));
  const binding = new Binding(addon);
  const file = join(folder, nativeFiles.kernels);
  const kernels = createRequire(import.meta.url)(file) as (core: typeof tf) => KernelModule;
  const { NodeJSKernelBackend } = kernels(tf);
  replaceKernels(nativeBackendName);
  registerAdam(nativeBackendName);
  addon.addFunction(adamFunction());
  tf.registerBackend(nativeBackendName, () => new NodeJSKernelBackend(binding, 'native'));
  const count = threads === 1 ? '1 thread' : `${String(threads)} threads`;
  return { addon, binding, description: `native (TensorFlow ${addon.version()}, ${instructionSet}, ${count})` };
}

/** A ConfigProto: threads of one operation (field 2), and one operation at a time (field 5). */
function configuration(threads: number): Uint8Array {
  return new BinaryWriter().tag(2, WireType.Varint).int32(threads).tag(5, WireType.Varint).int32(1).finish();
}
