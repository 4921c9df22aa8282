/**
 * The runtime of teachers on NVIDIA devices: onnxruntime with its CUDA provider, whose libraries the image teacher-gpu holds
 * (docs/adr/0056 says what of it was tried). It answers with ONNX models and trains nothing.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { deviceFault, openSession } from '../models/inference/index.js';
import { type Reason, type Runtime, RuntimeError, type Work } from './runtime.js';

/** Where a machine shows what the runtime needs. */
export interface CudaPaths {
  /** Folder of onnxruntime's own library, which looks for its provider beside itself. */
  readonly libraries: string;
  /** Exists where the driver's kernel module is loaded and the container may use a device. */
  readonly device: string;
}

export const usualCudaPaths = (): CudaPaths => {
  const library = dirname(createRequire(import.meta.url).resolve('onnxruntime-node/package.json'));
  return { libraries: join(library, 'bin/napi-v6', process.platform, process.arch), device: '/dev/nvidiactl' };
};

const provider = 'libonnxruntime_providers_cuda.so';
const elsewhere = 'or use runtime wasm';

/** Why there is no such runtime for `work`; null where there is one. Loads nothing. */
export function cudaMissing(work: Work, { libraries, device }: CudaPaths = usualCudaPaths()): Reason | null {
  if (work !== 'onnx') return { problem: 'it computes teachers in ONNX alone', remedy: 'use runtime native or wasm' };
  if (!existsSync(join(libraries, provider))) {
    return { problem: `${provider} is not here`, remedy: `use the image teacher-gpu, ${elsewhere}` };
  }
  if (existsSync(device)) return null;
  const problem = `this machine shows no NVIDIA device (no ${device})`;
  return { problem, remedy: `request nvidia.com/gpu in the pool, ${elsewhere}` };
}

/** @throws RuntimeError when the libraries or the driver do not start */
export async function startCuda(): Promise<Runtime> {
  const fault = await deviceFault('cuda');
  if (fault !== null) {
    const remedy = `see the line of the library before this one for what is missing, ${elsewhere}`;
    throw new RuntimeError('cuda', { problem: `onnxruntime does not start on CUDA (${fault})`, remedy });
  }
  return {
    name: 'cuda',
    description: 'onnxruntime (cuda)',
    openTrainer: () =>
      Promise.reject(
        new RuntimeError('cuda', { problem: 'it trains no student', remedy: 'use runtime native or wasm' }),
      ),
    openSession: (file) => openSession(file, { device: 'cuda', tfjs: '' }),
  };
}
