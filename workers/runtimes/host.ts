/**
 * Runtimes whose tensors lie in the memory of the process: tfjs with one of its backends trains students and computes
 * models of its own format, and onnxruntime computes ONNX on the CPU.
 */
import type { RuntimeName } from '@distillery/protocol';
import { type ModelFile, type ModelSession, openSession } from '../models/inference/index.js';
import { type Device, openHostTrainer } from '../models/training.js';
import type { Runtime, Work } from './runtime.js';

/** Students train on them: see layer-norm.ts. */
export async function prepareLayers(): Promise<void> {
  const [{ layers }, { broadcastLayerNormalization }] = await Promise.all([
    import('@tensorflow/tfjs-layers'),
    import('./layer-norm.js'),
  ]);
  broadcastLayerNormalization(layers);
}

/** What a runtime has below its tfjs backend. */
export interface HostDevice {
  /** Absent = it has no programs. */
  readonly programs?: Device;
  /** Absent = it computes no SavedModels. */
  readonly savedModels?: (file: ModelFile) => Promise<ModelSession>;
}

/**
 * @param startBackend makes the tfjs backend of the runtime the current one and returns its description; not called
 *   for ONNX, which needs no tfjs
 * @param backend name of that tfjs backend
 * @throws RuntimeError from `startBackend`
 */
export async function hostRuntime(
  name: RuntimeName,
  work: Work,
  startBackend: () => Promise<string>,
  backend: string = name,
  { programs, savedModels }: HostDevice = {},
): Promise<Runtime> {
  const description = work === 'onnx' ? 'onnxruntime (cpu)' : await startBackend();
  return {
    name,
    description,
    openTrainer: async (options) => {
      (await import('./backend.js')).requireBackend(backend);
      await prepareLayers();
      return openHostTrainer(options);
    },
    openSession: async (file) => {
      if (file.format !== 'onnx' && file.format !== 'saved-model')
        (await import('./backend.js')).requireBackend(backend);
      return openSession(file, {
        device: 'cpu',
        tfjs: description,
        programs,
        ...(savedModels === undefined ? {} : { openSavedModel: savedModels }),
      });
    },
  };
}
