/**
 * Opens a runtime: one per thread, since tfjs has one current backend per thread. Silent on both standard streams and
 * without side effects on the process: what tfjs and Emscripten print or hook is switched off here.
 */
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { DistilleryError, type FaultOf } from '@distillery/base';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { setThreadsCount, setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import { runtimeNames } from './runtime.js';
import type { Runtime, RuntimeName } from './runtime.js';
import { registerTrainingKernels } from './wasm/register.js';

/** A runtime that does not exist here or did not start: it does not on the next attempt, either. */
export class RuntimeError extends DistilleryError {
  override readonly name = 'RuntimeError';
  readonly kind = 'Runtime';
  readonly retry = 'Never';

  readonly runtime: string;

  constructor(runtime: string, fault: FaultOf) {
    super({ ...fault, about: `runtime ${runtime}` });
    this.runtime = runtime;
  }
}

/**
 * @param name `auto` takes the fastest runtime that starts here
 * @throws RuntimeError
 */
export async function openRuntime(name: 'auto' | RuntimeName): Promise<Runtime> {
  // Without it tfjs advertises another package on stderr when the cpu backend is first used.
  tf.env().set('PROD', true);
  switch (name) {
    case 'auto':
      return (await openWasm()) ?? (await openCpu());
    case 'wasm': {
      const runtime = await openWasm();
      if (runtime === undefined) {
        throw new RuntimeError(name, {
          problem: 'it did not start: WebAssembly is not supported here',
          remedy: 'use runtime cpu',
        });
      }
      return runtime;
    }
    case 'cpu':
      return openCpu();
    default:
      throw new RuntimeError(String(name), {
        problem: 'there is no such runtime',
        remedy: `name auto or one of ${runtimeNames.join(', ')}`,
      });
  }
}

async function openWasm(): Promise<Runtime | undefined> {
  const entry = createRequire(import.meta.url).resolve('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(join(dirname(entry), '/'));
  // Determinism: the order of float additions must not depend on the machine's number of cores (I1).
  setThreadsCount(1);
  registerTrainingKernels();
  const started = await withoutNewProcessHooks(() => tf.setBackend('wasm'));
  if (!started) return undefined;
  const simd = tf.env().getBool('WASM_HAS_SIMD_SUPPORT');
  return { name: 'wasm', description: `wasm (${simd ? 'SIMD' : 'no SIMD'}, 1 thread)` };
}

async function openCpu(): Promise<Runtime> {
  if (!(await tf.setBackend('cpu')))
    throw new RuntimeError('cpu', { problem: 'it did not start', remedy: 'check the installation of tfjs' });
  return { name: 'cpu', description: 'cpu (plain JavaScript)' };
}

/**
 * Emscripten makes uncaught errors its own when its module starts: they would then end the process with another exit
 * code and past the handlers of its owner.
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
