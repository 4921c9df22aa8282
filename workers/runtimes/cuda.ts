/**
 * The runtime of NVIDIA devices. Teachers in ONNX: onnxruntime with its CUDA provider, whose libraries the image teacher-gpu
 * holds (docs/adr/0056). Students, and teachers of the other formats: TensorFlow built for CUDA, as the image student-gpu has
 * it (docs/adr/0069). Both ADRs say what of it was tried.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { deviceFault, openSession } from '../models/inference/index.js';
import { isForCuda, type NativeSettings } from './native/settings.js';
import { type Reason, type Runtime, RuntimeError, type Work } from './runtime.js';

/** Where a machine shows what the runtime needs. */
export interface CudaPaths {
  /** Folder of onnxruntime's own library, which looks for its provider beside itself. */
  readonly libraries: string;
  /** Exists where the driver's kernel module is loaded and the container may use a device. */
  readonly device: string;
  /** A folder for each device that the container may use, in which the driver describes it. */
  readonly descriptions: string;
}

export const usualCudaPaths = (): CudaPaths => {
  const library = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return {
    libraries: join(library, 'bin/napi-v6', process.platform, process.arch),
    device: '/dev/nvidiactl',
    descriptions: '/proc/driver/nvidia/gpus',
  };
};

const provider = 'libonnxruntime_providers_cuda.so';

/** Why there is no such runtime for `work`; null where there is one. Loads nothing. */
export function cudaMissing(
  work: Work,
  { folder }: NativeSettings,
  { libraries, device }: CudaPaths = usualCudaPaths(),
): Reason | null {
  const elsewhere = work === 'onnx' ? 'or use runtime wasm' : 'or use runtime native';
  if (work === 'onnx' && !existsSync(join(libraries, provider))) {
    return { problem: `${provider} is not here`, remedy: `use the image teacher-gpu, ${elsewhere}` };
  }
  if (work !== 'onnx' && (folder === null || !isForCuda(folder))) {
    const remedy = `build it with \`npm run native -- --cuda\`, in a cluster use the image student-gpu, ${elsewhere}`;
    return { problem: 'TensorFlow is not built for NVIDIA devices here', remedy };
  }
  if (existsSync(device)) return null;
  const problem = `this machine shows no NVIDIA device (no ${device})`;
  return { problem, remedy: `request nvidia.com/gpu in the pod's template, ${elsewhere}` };
}

/** @throws RuntimeError when the libraries or the driver do not start */
export async function startCuda(
  work: Work,
  native: NativeSettings,
  { descriptions }: CudaPaths = usualCudaPaths(),
): Promise<Runtime> {
  if (work !== 'onnx') {
    const { nativeRuntime } = await import('./native/runtime.js');
    return nativeRuntime(native, work, { runtime: 'cuda', model: deviceModels(descriptions) });
  }
  const fault = await deviceFault('cuda');
  if (fault !== null) {
    const remedy = 'see the line of the library before this one for what is missing, or use runtime wasm';
    throw new RuntimeError('cuda', { problem: `onnxruntime does not start on CUDA (${fault})`, remedy });
  }
  return {
    name: 'cuda',
    description: 'onnxruntime (cuda)',
    openTrainer: () =>
      Promise.reject(
        new RuntimeError('cuda', { problem: 'it was started for ONNX alone', remedy: 'use runtime native or wasm' }),
      ),
    openSession: (file) => openSession(file, { device: 'cuda', tfjs: '' }),
  };
}

/** Models of the devices, as the driver names them: "NVIDIA H200". Results of one model need not be those of another. */
export function deviceModels(descriptions: string): string {
  const models = new Set<string>();
  try {
    for (const device of readdirSync(descriptions)) {
      const text = readFileSync(join(descriptions, device, 'information'), 'utf8');
      const model = /^Model:\s*(\S.*?)\s*$/m.exec(text)?.[1];
      if (model !== undefined) models.add(model);
    }
  } catch {
    // A container may not show them.
  }
  return models.size === 0 ? 'a device of unknown model' : [...models].toSorted().join(' and ');
}
