import { Worker } from 'node:worker_threads';
import { describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { openRuntime, RuntimeError } from '../../../workers/runtimes/index.js';
import type { RuntimeName } from '../../../workers/runtimes/index.js';

describe('opening a runtime', () => {
  it('takes wasm where WebAssembly works, on one thread', async () => {
    await expect(openRuntime('auto')).resolves.toEqual({ name: 'wasm', description: 'wasm (SIMD, 1 thread)' });
    expect(tf.getBackend()).toBe('wasm');
  });

  it('may be asked for again and for another one', async () => {
    expect((await openRuntime('wasm')).name).toBe('wasm');
    expect((await openRuntime('cpu')).name).toBe('cpu');
    expect(tf.getBackend()).toBe('cpu');
    expect((await openRuntime('wasm')).name).toBe('wasm');
    expect(tf.getBackend()).toBe('wasm');
  });

  it('refuses a name it does not know and lists those it knows', async () => {
    const opening = openRuntime('cuda' as RuntimeName);
    await expect(opening).rejects.toThrow(RuntimeError);
    await expect(opening).rejects.toMatchObject({ runtime: 'cuda', message: expect.stringContaining('wasm, cpu') });
  });

  it('works in a worker thread, prints nothing and leaves the hooks of the process alone', async () => {
    const door = new URL('../../../workers/runtimes/index.ts', import.meta.url).href;
    const { message, printed } = await inThread(`
      const { registerHooks } = require('node:module');
      const { parentPort } = require('node:worker_threads');
      registerHooks({
        resolve: (name, context, next) =>
          next(name.startsWith('.') && context.parentURL?.endsWith('.ts') ? name.replace(/\\.js$/, '.ts') : name, context),
      });
      const hooks = () => ['uncaughtException', 'unhandledRejection'].map((event) => process.listenerCount(event));
      (async () => {
        const before = hooks();
        const { openRuntime } = await import(${JSON.stringify(door)});
        const tf = await import('@tensorflow/tfjs-core');
        const opened = [];
        for (const name of ['cpu', 'wasm']) {
          opened.push((await openRuntime(name)).name);
          opened.push(Array.from(tf.matMul([[1, 2]], [[3], [4]]).dataSync()));
        }
        parentPort.postMessage({ opened, before, after: hooks() });
      })();`);
    expect(printed).toBe('');
    expect(message).toMatchObject({ opened: ['cpu', [11], 'wasm', [11]] });
    expect(message.after).toEqual(message.before);
  });
});

async function inThread(code: string): Promise<{ message: Record<string, unknown>; printed: string }> {
  const worker = new Worker(code, { eval: true, stdout: true, stderr: true });
  let printed = '';
  for (const stream of [worker.stdout, worker.stderr]) stream.on('data', (chunk) => (printed += String(chunk)));
  const message = await new Promise<Record<string, unknown>>((resolve, reject) => {
    worker.once('message', resolve);
    worker.once('error', reject);
    worker.once('exit', (code) => reject(new Error(`the thread ended with ${code}: ${printed}`)));
  });
  await worker.terminate();
  return { message, printed };
}
