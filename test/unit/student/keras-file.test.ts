/** A student's model in a `.keras` file: its topology is read, and what cannot be read is refused by name. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { Manifest } from '@distillery/protocol';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';

import { readStartingWeights } from '../../../workers/models/training.js';
import { resolve } from '../../../workers/places/index.js';
import { openRuntime } from '../../../workers/runtimes/index.js';
import { studentModelText } from '../../../workers/student/model.js';
import { manifestWith } from '../../kit/worker-fakes.js';
import { optimizerSettings } from '../models-training/students.js';
import { zip } from '../tables/zip-files.js';

const { models } = JSON.parse(
  readFileSync(join(import.meta.dirname, '../inference/fixtures/keras-3.json'), 'utf8'),
) as { readonly models: Record<string, { readonly topology: object }> };
const config = JSON.stringify(models.sequential?.topology);
const keras = (parts: Record<string, Uint8Array> = {}): Record<string, Uint8Array> => ({
  'metadata.json': Buffer.from('{"keras_version": "3.11.3"}'),
  'config.json': Buffer.from(config),
  'model.weights.h5': Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'),
  ...parts,
});

let folder = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'distillery-keras-'));
});
afterAll(() => rmSync(folder, { recursive: true }));

function written(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, bytes);
  return path;
}

async function textOf(
  path: string,
  weights?: Manifest['student']['model']['weights'],
): Promise<{ readonly text: string; readonly notes: readonly string[] }> {
  const { student } = manifestWith();
  const model = { ...student.model, uri: `file://${path}`, ...(weights === undefined ? {} : { weights }) };
  const notes: string[] = [];
  const split = { spec: { inputs: {}, positions: 1, target: null } };
  const text = await studentModelText(
    { student: { ...student, model } },
    { train: split, test: null },
    { resolve: (uri: string) => resolve(uri) },
    { note: (note) => notes.push(note) },
  );
  return { text, notes };
}

describe('a .keras file', () => {
  test.each(['stored', 'deflated'] as const)('whose members are %s gives its topology', async (how) => {
    const path = written(`${how}.keras`, zip(keras(), how));
    const { text, notes } = await textOf(path);
    expect(text).toBe(config);
    expect(notes).toEqual([`student model ${path}: the weights in it are not read, training starts from the seed`]);
  });

  test('trains', async () => {
    const { text } = await textOf(written('trains.keras', zip(keras())));
    const runtime = await openRuntime('wasm', 'training');
    const loss = { temperature: 2, softWeight: 0.5 };
    const optimizer = optimizerSettings();
    const trainer = await runtime.openTrainer({ modelJson: text, seed: 1, loss, optimizer, totalSteps: 3 });
    expect(Object.keys(trainer.inputs)).toHaveLength(1);
    trainer.dispose();
  });

  test('beside weights to start from says nothing of its own', async () => {
    const { notes } = await textOf(written('start.keras', zip(keras())), { uri: 'file:///model.json' });
    expect(notes).toEqual([]);
  });
});

describe('is refused with a sentence:', () => {
  const { 'config.json': topology = Buffer.alloc(0), ...others } = keras();
  const sound = zip(keras(), 'deflated');
  test.each<[string, Uint8Array, RegExp]>([
    [
      'a zip archive of something else',
      zip(others),
      /^model .*\.keras: found a zip archive of metadata\.json, model\.weights\.h5, without config\.json, expected a \.keras file/,
    ],
    ['a file that was cut', sound.subarray(0, sound.length - 30), /\.keras: found a damaged zip archive/],
    [
      'a topology of another checksum',
      Buffer.from(sound.map((byte, at) => (at === sound.indexOf('config.json') + 20 ? byte ^ 1 : byte))),
      /config\.json: found (?:content of another checksum|a damaged zip archive)/,
    ],
    [
      'a topology that unpacks to gigabytes',
      zip(keras({ 'config.json': Buffer.alloc(70 * 2 ** 20, ' ') }), 'deflated'),
      /^model .*: found a config\.json of 73400320 bytes, expected at most 67108864\. Use a smaller model\.$/,
    ],
    [
      'a topology that is no text',
      zip(keras({ 'config.json': Buffer.concat([topology, Buffer.from([0xff, 0xfe])]) })),
      /found a config\.json that is not UTF-8/,
    ],
    [
      'an HDF5 file',
      Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'),
      /^student model .*: found an HDF5 file, expected a tfjs layers model\.json, or a \.keras file\. Save it with model\.save/,
    ],
  ])('%s', async (name, bytes, sentence) => {
    await expect(textOf(written(`${name.replaceAll(' ', '-')}.keras`, bytes))).rejects.toThrow(sentence);
  });

  test.each([
    ['start-from.keras', zip(keras()), 'found a .keras file, whose weights are HDF5 (model.weights.h5), expected'],
    ['start-from.h5', Buffer.from('\x89HDF\r\n\x1a\n', 'latin1'), 'found an HDF5 file, expected the model.json'],
  ])('weights to start from in %s', async (name, bytes, sentence) => {
    const refused = readStartingWeights(written(name, bytes));
    await expect(refused).rejects.toThrow(sentence);
    await expect(refused).rejects.toThrow('Convert it with tensorflowjs_converter');
  });
});
