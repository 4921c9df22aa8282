/**
 * Starts tfjs on WebAssembly, with our gradient kernels. Silent on both standard streams and without side effects on the
 * process: what tfjs and Emscripten print or hook is switched off here.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import { setBackend } from '../backend.js';
import { RuntimeError } from '../runtime.js';
import { registerTrainingKernels } from './register.js';

/**
 * @returns the runtime's description
 * @throws RuntimeError
 */
export async function startWasm(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(dirname(entry), '/'));
  // Determinism: the order of float additions must not depend on the machine's number of cores (I1).
  setThreadsCount(1);
  registerTrainingKernels();
  const started = await withoutNewProcessHooks(() => setBackend('wasm'));
  if (!started) {
    throw new RuntimeError('wasm', { problem: 'its WebAssembly module did not start', remedy: 'use runtime cpu' });
  }
  return `wasm (${tf.env().getBool('WASM_HAS_SIMD_SUPPORT') ? 'SIMD' : 'no SIMD'}, 1 thread)`;
}

/**
 * Emscripten registers handlers of uncaught errors when its module starts. They would end the process with an exit code
 * of their own before the handlers of the process run.
 */
async function withoutNewProcessHooks<Result>(start: () => Promise<Result>): Promise<Result> {
  const events = ['uncaughtException', 'unhandledRejection'] as const;
  const before = events.map((event) => new Set(process.rawListeners(event)));
  try {
    return await start();
  } finally {
    events.forEach((event, index) => {
      for (const listener of process.rawListeners(event)) {
        if (before[index]?.has(listener) === false) process.removeListener(event, listener as () => void);
      }
    });
  }
}
