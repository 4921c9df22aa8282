/** What a student starts as: weights of another model, frozen layers; and weights that are kept for the export. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import * as tfl from '@tensorflow/tfjs-layers';

import {
  exportedWeights,
  readStartingWeights,
  type StudentTrainer,
  type TrainerOptions,
  type TrainerState,
} from '../../../workers/models/training.js';
import { openRuntime, type Runtime } from '../../../workers/runtimes/index.js';
import { batchAt, columns, eventfulStudent, optimizerSettings, studentOf } from './students.js';

const folder = mkdtempSync(join(tmpdir(), 'start-'));
let runtime: Runtime;
beforeAll(async () => {
  runtime = await openRuntime('wasm', 'training');
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

function trainer(given: Partial<TrainerOptions> = {}): Promise<StudentTrainer> {
  return runtime.openTrainer({
    modelJson: eventfulStudent(),
    seed: 7,
    loss: { temperature: 4, softWeight: 0.9 },
    optimizer: optimizerSettings(),
    totalSteps: 20,
    ...given,
  });
}

function run(student: StudentTrainer, from: number, to: number): void {
  for (let step = from; step < to; step++) student.train(batchAt(step));
}

const hex = (data: Float32Array): string => Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');
const byName = (tensors: TrainerState['weights']): Record<string, string> =>
  Object.fromEntries(tensors.map(({ name, data }) => [name, hex(data)]));

/** A trained student as files; returns its model.json and the trained weights. */
async function trained(name: string): Promise<{ readonly path: string; readonly weights: TrainerState['weights'] }> {
  const student = await trainer({ seed: 3 });
  run(student, 0, 4);
  const { modelJson, weights } = student.export();
  const state = student.state();
  student.dispose();
  mkdirSync(join(folder, name));
  writeFileSync(join(folder, name, 'model.json'), modelJson);
  writeFileSync(join(folder, name, 'weights.bin'), weights);
  return { path: join(folder, name, 'model.json'), weights: state.weights };
}

describe('weights to start from', () => {
  it('are those of a former result, bit for bit', async () => {
    const { path, weights } = await trained('former');
    const start = { weights: { weights: await readStartingWeights(path), except: [] } };
    const student = await trainer({ start });
    expect(byName(student.state().weights)).toEqual(byName(weights));
    expect(student.notes).toEqual([]);
    // The averages of weights start there, too.
    const averaged = await trainer({ start, optimizer: optimizerSettings({ ema: 0.5 }) });
    expect(byName(exportedWeights(averaged.state()))).toEqual(byName(weights));
    student.dispose();
    averaged.dispose();
  });

  it('may come beside the topology, which a job that starts from the seed refuses', async () => {
    const student = await trainer({ seed: 3 });
    const { modelJson } = student.export();
    const given = { weights: student.state().weights, except: [] };
    student.dispose();
    (await trainer({ modelJson, start: { weights: given } })).dispose();
    await expect(trainer({ modelJson })).rejects.toThrow('Set spec.student.model.weights.uri to this file');
  });

  it('leave layers to the seed that the job excepts', async () => {
    const { path, weights } = await trained('excepted');
    const student = await trainer({
      start: { weights: { weights: await readStartingWeights(path), except: ['log*'] } },
    });
    const fresh = await trainer();
    const [found, given, seeded] = [student.state().weights, weights, fresh.state().weights].map(byName);
    for (const name of Object.keys(found!)) {
      expect([name, found![name]]).toEqual([name, (name.startsWith('logits/') ? seeded : given)![name]]);
    }
    expect(student.notes).toEqual([
      'student.model.weights: the student has no place for 2 of its weights: logits/kernel, logits/bias',
    ]);
    student.dispose();
    fresh.dispose();
  });

  it('may have the names of converters: with the model before them and a number behind', async () => {
    const { path, weights } = await trained('converted');
    const renamed = (await readStartingWeights(path)).map((tensor) => ({ ...tensor, name: `model/${tensor.name}:0` }));
    const student = await trainer({ start: { weights: { weights: renamed, except: [] } } });
    expect(byName(student.state().weights)).toEqual(byName(weights));
    student.dispose();
  });

  it.each([
    {
      title: 'a weight is missing',
      bend: (name: string) => (name === 'hidden/bias' ? null : {}),
      want: /^student model, weight hidden\/bias: found no weight of this name among those to start from \(.*\), expected one of shape \[8\]\. Start from weights of the same model/,
    },
    {
      title: 'one has another shape',
      bend: (name: string) => (name === 'hidden/bias' ? { shape: [9], data: new Float32Array(9) } : {}),
      want: 'student model, weight hidden/bias: found hidden/bias of shape [9], expected one of shape [8].',
    },
    {
      title: 'one is no number',
      bend: (name: string) => (name === 'hidden/bias' ? { data: new Float32Array(8).fill(NaN) } : {}),
      want: 'student model, weight hidden/bias: found NaN in hidden/bias, expected finite numbers.',
    },
  ])('are refused by name when $title', async ({ bend, want }) => {
    const student = await trainer();
    const weights = student.state().weights.flatMap((tensor) => {
      const change = bend(tensor.name);
      return change === null ? [] : [{ ...tensor, ...change }];
    });
    student.dispose();
    await expect(trainer({ start: { weights: { weights, except: [] } } })).rejects.toThrow(want);
  });

  it('are refused when several fit, and when an excepted layer does not exist', async () => {
    const student = await trainer();
    const { weights } = student.state();
    student.dispose();
    const doubled = ['a', 'b'].flatMap((model) => weights.map((each) => ({ ...each, name: `${model}/${each.name}` })));
    await expect(trainer({ start: { weights: { weights: doubled, except: [] } } })).rejects.toThrow(
      'student model, weight conv/kernel: found several weights that fit (a/conv/kernel, b/conv/kernel), expected',
    );
    await expect(trainer({ start: { weights: { weights, except: ['head'] } } })).rejects.toThrow(
      'student model, weights.except: found no layer named head, expected one of ',
    );
  });
});

describe('a file of weights', () => {
  const values = [0, 1, 2, 250];
  function write(name: string, weight: object, bytes: ArrayBufferView, content: object = {}): string {
    mkdirSync(join(folder, name));
    const manifest = [{ paths: ['w.bin'], weights: [{ name: 'a/kernel', shape: [2, 2], ...weight }] }];
    writeFileSync(join(folder, name, 'w.bin'), new Uint8Array(bytes.buffer));
    writeFileSync(join(folder, name, 'model.json'), JSON.stringify({ weightsManifest: manifest, ...content }));
    return join(folder, name, 'model.json');
  }

  it.each([
    ['plain', { dtype: 'float32' }, Float32Array.from(values), values],
    [
      'bytes',
      { dtype: 'float32', quantization: { dtype: 'uint8', scale: 0.5, min: -1 } },
      Uint8Array.from(values),
      [-1, -0.5, 0, 124],
    ],
    [
      'words',
      { dtype: 'float32', quantization: { dtype: 'uint16', scale: 2, min: 1 } },
      Uint16Array.from(values),
      [1, 3, 5, 501],
    ],
    ['halves', { dtype: 'float32', quantization: { dtype: 'float16' } }, Float16Array.from(values), values],
    ['whole numbers', { dtype: 'int32' }, Int32Array.from(values), null],
  ])('may hold %s', async (name, weight, bytes, want) => {
    const tensors = await readStartingWeights(write(name, weight, bytes));
    expect(tensors.map(({ data }) => [...data])).toEqual(want === null ? [] : [want]);
  });

  it('may be cut into shards and groups', async () => {
    mkdirSync(join(folder, 'shards'));
    const [first, second] = [Float32Array.of(1, 2, 3), Float32Array.of(4)];
    writeFileSync(join(folder, 'shards', '1'), first.subarray(0, 2));
    writeFileSync(join(folder, 'shards', '2'), first.subarray(2));
    writeFileSync(join(folder, 'shards', '3'), second);
    const weightsManifest = [
      { paths: ['1', '2'], weights: [{ name: 'a', shape: [3], dtype: 'float32' }] },
      { paths: ['3'], weights: [{ name: 'b', shape: [], dtype: 'float32' }] },
    ];
    writeFileSync(join(folder, 'shards', 'model.json'), JSON.stringify({ weightsManifest }));
    const tensors = await readStartingWeights(join(folder, 'shards', 'model.json'));
    expect(tensors.map(({ name, data }) => [name, ...data])).toEqual([
      ['a', 1, 2, 3],
      ['b', 4],
    ]);
  });

  it.each([
    [
      'cut',
      { dtype: 'float32' },
      new Float32Array(3),
      'found 12 bytes of weights, expected 16, the sum of the weights',
    ],
    ['too long', { dtype: 'float32' }, new Float32Array(5), 'found a file of 20 bytes'],
    [
      'huge',
      { dtype: 'float32', shape: [65_536, 65_536] },
      new Float32Array(1),
      'found 17179869184 bytes of weights, expected at most',
    ],
    [
      'of another type',
      { dtype: 'string' },
      new Float32Array(4),
      'JSON whose weightsManifest.0.weights.0.dtype is wrong',
    ],
  ])('is refused in a sentence when it is %s', async (name, weight, bytes, want) => {
    await expect(readStartingWeights(write(name, weight, bytes))).rejects.toThrow(want);
  });

  it('is refused in a sentence when it holds none, is no JSON, or is not there', async () => {
    writeFileSync(join(folder, 'bare.json'), '{"class_name":"Sequential"}');
    writeFileSync(join(folder, 'text.json'), 'weights');
    await expect(readStartingWeights(join(folder, 'bare.json'))).rejects.toThrow('JSON whose weightsManifest is wrong');
    await expect(readStartingWeights(join(folder, 'text.json'))).rejects.toThrow('found a file that is no JSON');
    await expect(readStartingWeights(join(folder, 'none.json'))).rejects.toThrow('(student.model.weights.uri)');
  });
});

describe('frozen layers', () => {
  it('keep their weights, their averages too, and have no slots; the others train', async () => {
    const student = await trainer({ start: { freeze: ['conv', 'nor*'] } });
    const before = byName(student.state().weights);
    run(student, 0, 5);
    const after = byName(student.state().weights);
    const changed = Object.keys(before).filter((name) => before[name] !== after[name]);
    expect(changed.sort()).toEqual(['hidden/bias', 'hidden/kernel', 'logits/bias', 'logits/kernel']);
    const slots = student.state().slots.map(({ name }) => name);
    expect(slots.filter((name) => name.includes('conv') || name.includes('norm'))).toEqual([]);
    student.dispose();
  });

  it('compute as in the exported model: a frozen normalization uses its averages while it trains', async () => {
    const { path } = await trained('averages');
    const weights = { weights: await readStartingWeights(path), except: [] };
    const modelJson = studentOf(() => [
      tfl.layers.conv2d({ filters: 4, kernelSize: 3, strides: 2, padding: 'same', useBias: false, name: 'conv' }),
      tfl.layers.batchNormalization({ name: 'norm' }),
    ]);
    const loss = { temperature: 1, softWeight: 0 };
    const open = (freeze: string[]): Promise<StudentTrainer> =>
      trainer({ modelJson, loss, start: { freeze, weights: { ...weights, except: ['logits'] } } });
    const [frozen, free] = [await open(['norm']), await open([])];
    const batch = { ...batchAt(0), teacherLogits: null };
    const evaluated = frozen.evaluate(batch.samples, batch.targets);
    expect(frozen.train(batch).loss).toBeCloseTo(evaluated.lossSum / evaluated.samples, 5);
    // Without the freeze the batch's own mean and variance are used.
    expect(Math.abs(free.train(batch).loss - evaluated.lossSum / evaluated.samples)).toBeGreaterThan(1e-3);
    frozen.dispose();
    free.dispose();
  });

  it('may be frozen by the file, alone or with the model that they are in', async () => {
    const topology = (config: object): string =>
      JSON.stringify({
        class_name: 'Sequential',
        config: {
          name: 'whole',
          layers: [
            {
              class_name: 'Sequential',
              config: {
                name: 'inner',
                ...config,
                layers: [
                  { class_name: 'Flatten', config: { name: 'flat', batch_input_shape: [null, 8, 8, 1] } },
                  { class_name: 'Dense', config: { name: 'body', units: 4 } },
                ],
              },
            },
            { class_name: 'Dense', config: { name: 'logits', units: columns } },
          ],
        },
      });
    const student = await trainer({ modelJson: topology({ trainable: false }) });
    const before = byName(student.state().weights);
    run(student, 0, 3);
    const after = byName(student.state().weights);
    expect(after['body/kernel']).toBe(before['body/kernel']);
    expect(after['logits/kernel']).not.toBe(before['logits/kernel']);
    expect(student.notes).toEqual(['trainable is false in the file: inner keep their weights']);
    student.dispose();
    const byJob = await trainer({ modelJson: topology({}), start: { freeze: ['inner'] } });
    expect(byJob.state().slots.map(({ name }) => name)).toEqual([
      'adam/m/logits/kernel',
      'adam/v/logits/kernel',
      'adam/m/logits/bias',
      'adam/v/logits/bias',
    ]);
    byJob.dispose();
  });

  it('must exist, and must leave something to train', async () => {
    await expect(trainer({ start: { freeze: ['conv', 'head'] } })).rejects.toThrow(
      'student model, freeze: found no layer named head, expected one of ',
    );
    await expect(trainer({ start: { freeze: ['*'] } })).rejects.toThrow('found none that train, expected at least one');
  });
});

describe('weights that are kept', () => {
  it.each([undefined, 0.9])('are exported in the end, also by a trainer that was restored (ema %s)', async (ema) => {
    const optimizer = optimizerSettings(ema === undefined ? {} : { ema });
    const first = await trainer({ keepsWeights: true, optimizer });
    run(first, 0, 3);
    const best = byName(exportedWeights(first.state()));
    first.keepWeights();
    run(first, 3, 6);
    const saved = structuredClone(first.state());
    const second = await trainer({ keepsWeights: true, optimizer });
    second.restore(saved);
    for (const student of [first, second]) {
      student.useKeptWeights();
      expect(byName(exportedWeights(student.state()))).toEqual(best);
      const { samples, targets } = batchAt(9);
      expect(student.evaluate(samples, targets)).toEqual(first.evaluate(samples, targets));
    }
    expect(Buffer.from(second.export().weights).equals(Buffer.from(first.export().weights))).toBe(true);
    first.dispose();
    second.dispose();
  });
});
