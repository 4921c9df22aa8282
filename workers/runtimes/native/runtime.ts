/** TensorFlow, for students and for teachers of the tfjs formats and SavedModels: `native` on the CPU, `cuda` on a GPU. */
import type { ModelFile, ModelSession } from '../../models/inference/index.js';
import { openDeviceTrainer } from '../../models/training.js';
import { requireBackend } from '../backend.js';
import { hostRuntime, prepareLayers } from '../host.js';
import type { Runtime, Work } from '../runtime.js';
import { fuseBatchNormalization } from './batch-norm.js';
import { nativeDevice } from './device.js';
import { openSavedModel } from './saved-model/session.js';
import type { NativeSettings } from './settings.js';
import { type NativeDevice, nativeBackendName, onCpu, startNative } from './start.js';

let layersAreFused = false;

/** Once a thread. */
async function fuseLayers(): Promise<void> {
  await prepareLayers();
  if (layersAreFused) return;
  layersAreFused = true;
  const { layers } = await import('@tensorflow/tfjs-layers');
  fuseBatchNormalization(layers, nativeBackendName);
}

/** @throws RuntimeError when TensorFlow does not start */
export async function nativeRuntime(
  settings: NativeSettings,
  work: Work,
  computer: NativeDevice = onCpu,
): Promise<Runtime> {
  const native = await startNative(settings, computer);
  const device = nativeDevice(native);
  const start = (): Promise<string> => Promise.resolve(native.description);
  const savedModels = (file: ModelFile): Promise<ModelSession> => openSavedModel(file, native);
  const runtime = await hostRuntime(computer.runtime, work, start, nativeBackendName, {
    programs: device,
    savedModels,
  });
  if (work !== 'training') return runtime;
  await fuseLayers();
  return {
    ...runtime,
    openTrainer: (options) => {
      requireBackend(nativeBackendName);
      return openDeviceTrainer(options, device);
    },
  };
}
