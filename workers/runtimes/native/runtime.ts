/** The runtime `native`: TensorFlow on the CPU, for students and for teachers of the tfjs format. */
import { openDeviceTrainer } from '../../models/training.js';
import { requireBackend } from '../backend.js';
import { hostRuntime } from '../host.js';
import type { Runtime, Work } from '../runtime.js';
import { nativeDevice } from './device.js';
import type { NativeSettings } from './settings.js';
import { nativeBackendName, startNative } from './start.js';

/** @throws RuntimeError when TensorFlow does not start */
export async function nativeRuntime(settings: NativeSettings, work: Work): Promise<Runtime> {
  const start = async (): Promise<string> => (await startNative(settings)).description;
  const runtime = await hostRuntime('native', work, start, nativeBackendName);
  if (work !== 'training') return runtime;
  const native = await startNative(settings);
  return {
    ...runtime,
    openTrainer: (options) => {
      requireBackend(nativeBackendName);
      return openDeviceTrainer(options, nativeDevice(native));
    },
  };
}
