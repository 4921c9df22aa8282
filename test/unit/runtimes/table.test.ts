import { Worker } from 'node:worker_threads';
import { type RuntimeChoice, type RuntimeName, runtimeNames } from '@distillery/protocol';
import { describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';
import { openRuntime, type Runtime, type RuntimeEntry, RuntimeError } from '../../../workers/runtimes/index.js';
import { runtimeTable } from '../../../workers/runtimes/table.js';
import { optimizerSettings, studentOf } from '../models-training/students.js';

describe('opening a runtime', () => {
  it('takes wasm where WebAssembly works, on one thread', async () => {
    await expect(openRuntime('auto', 'training')).resolves.toMatchObject({
      name: 'wasm',
      description: 'wasm (SIMD, 1 thread)',
    });
    expect(tf.getBackend()).toBe('wasm');
  });

  it('may be asked for again and for another one', async () => {
    expect((await openRuntime('wasm', 'training')).name).toBe('wasm');
    expect((await openRuntime('cpu', 'training')).name).toBe('cpu');
    expect(tf.getBackend()).toBe('cpu');
    expect((await openRuntime('wasm', 'training')).name).toBe('wasm');
    expect(tf.getBackend()).toBe('wasm');
  });

  it('refuses a name it does not know and lists those it knows', async () => {
    const opening = openRuntime('abacus' as RuntimeChoice, 'training');
    await expect(opening).rejects.toThrow(RuntimeError);
    await expect(opening).rejects.toMatchObject({
      runtime: 'abacus',
      message: expect.stringContaining(runtimeNames.join(', ').replace(/, (?=[^,]*$)/, ' or ')),
    });
  });

  it('opens no model on the backend of another runtime', async () => {
    const first = await openRuntime('cpu', 'training');
    await openRuntime('wasm', 'training');
    const options = {
      modelJson: studentOf(() => []),
      seed: 1,
      loss: { temperature: 1, softWeight: 0 },
      optimizer: optimizerSettings(),
      totalSteps: 1,
    };
    await expect(first.openTrainer(options)).rejects.toThrow('tfjs computes with backend wasm, not cpu');
  });

  it('works in a worker thread, prints nothing and leaves the hooks of the process alone', async () => {
    const { message, printed } = await inThread(`
      const { parentPort } = require('node:worker_threads');
      const hooks = () => ['uncaughtException', 'unhandledRejection'].map((event) => process.listenerCount(event));
      (async () => {
        const before = hooks();
        const { openRuntime } = await import(${JSON.stringify(door)});
        const tf = await import('@tensorflow/tfjs-core');
        const opened = [];
        for (const name of ['cpu', 'wasm']) {
          opened.push((await openRuntime(name, 'training')).name);
          opened.push(Array.from(tf.matMul([[1, 2]], [[3], [4]]).dataSync()));
        }
        parentPort.postMessage({ opened, before, after: hooks() });
      })();`);
    expect(printed).toBe('');
    expect(message).toMatchObject({ opened: ['cpu', [11], 'wasm', [11]] });
    expect(message.after).toEqual(message.before);
  });
});

/** A table of runtimes as a machine may have them: what each is missing, or how it starts. */
function tableOf(rows: Partial<Record<RuntimeName, { missing?: string; fails?: Error }>>): {
  table: RuntimeEntry[];
  started: string[];
} {
  const started: string[] = [];
  const table = Object.entries(rows).map(([name, { missing, fails }]): RuntimeEntry => ({
    name: name as RuntimeName,
    available: () => Promise.resolve(missing === undefined ? null : { problem: missing, remedy: 'add it' }),
    start: () => {
      started.push(name);
      return fails === undefined ? Promise.resolve({ name } as Runtime) : Promise.reject(fails);
    },
  }));
  return { table, started };
}

describe('the choice among runtimes', () => {
  it('has one row for each name, in order of preference', () => {
    expect(runtimeTable().map(({ name }) => name)).toEqual(runtimeNames);
  });

  it('passes over a runtime that misses something, without starting it', async () => {
    const { table, started } = tableOf({ wasm: { missing: 'no module' }, cpu: {} });
    expect(await openRuntime('auto', 'training', table)).toMatchObject({ name: 'cpu', notes: [] });
    expect(started).toEqual(['cpu']);
  });

  it('passes over a runtime that does not start, and says so', async () => {
    const refusal = new RuntimeError('wasm', { problem: 'no memory', remedy: 'add some' });
    const { table, started } = tableOf({ wasm: { fails: refusal }, cpu: {} });
    expect(await openRuntime('auto', 'training', table)).toMatchObject({ name: 'cpu', notes: [refusal.message] });
    expect(started).toEqual(['wasm', 'cpu']);
  });

  it('does not hide a fault of the program behind the next runtime', async () => {
    const { table } = tableOf({ wasm: { fails: new TypeError('a fault') }, cpu: {} });
    await expect(openRuntime('auto', 'training', table)).rejects.toThrow(TypeError);
  });

  it('takes no other runtime than the one that is named', async () => {
    const { table, started } = tableOf({ wasm: { missing: 'no module' }, cpu: {} });
    const opening = openRuntime('wasm', 'training', table);
    await expect(opening).rejects.toThrow(RuntimeError);
    await expect(opening).rejects.toMatchObject({ runtime: 'wasm', message: expect.stringContaining('no module') });
    expect(started).toEqual([]);
  });

  it('gives the reason of every runtime when none works', async () => {
    const { table } = tableOf({ wasm: { missing: 'no module' }, cpu: { missing: 'no memory' } });
    const opening = openRuntime('auto', 'training', table);
    await expect(opening).rejects.toMatchObject({ message: expect.stringMatching(/wasm: no module.*cpu: no memory/) });
  });

  it('says of a SavedModel what the one runtime lacks that computes it, and not that others never do', async () => {
    const others = { cuda: { missing: 'no device' }, wasm: { missing: 'never' } };
    const absent = openRuntime('auto', 'saved-model', tableOf({ ...others, native: { missing: 'not built' } }).table);
    await expect(absent).rejects.toThrow(/^runtime native: not built\. Add it\.$/);
    const refusal = new RuntimeError('native', { problem: 'no memory', remedy: 'add some' });
    const broken = openRuntime('auto', 'saved-model', tableOf({ ...others, native: { fails: refusal } }).table);
    await expect(broken).rejects.toBe(refusal);
  });

  it.each(['onnx', 'tfjs-layers', 'training'] as const)('loads for %s only what it needs', async (work) => {
    const { message } = await inThread(`
      const { parentPort } = require('node:worker_threads');
      (async () => {
        const { openRuntime } = await import(${JSON.stringify(door)});
        await openRuntime('auto', ${JSON.stringify(work)});
        parentPort.postMessage({ wasm: typeof globalThis._tfengine });
      })();`);
    expect(message).toEqual({ wasm: work === 'onnx' ? 'undefined' : 'object' });
  });
});

/** The threads run compiled; `npm test` builds before it tests. */
const door = new URL('../../../dist/workers/runtimes/index.js', import.meta.url).href;

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
