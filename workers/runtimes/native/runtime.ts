/** The runtime `native`: TensorFlow on the CPU, for students and for teachers of the tfjs format. */
import { hostRuntime } from '../host.js';
import type { Runtime, Work } from '../runtime.js';
import type { NativeSettings } from './settings.js';
import { nativeBackendName, startNative } from './start.js';

/** @throws RuntimeError when TensorFlow does not start */
export function nativeRuntime(settings: NativeSettings, work: Work): Promise<Runtime> {
  return hostRuntime('native', work, async () => (await startNative(settings)).description, nativeBackendName);
}
