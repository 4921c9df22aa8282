/** Where the student's model comes from. */
import type { Manifest } from '@distillery/protocol';
import { expect, test } from '@jest/globals';

import { resolve } from '../../../workers/places/index.js';
import { presetDataOf, studentModelText } from '../../../workers/student/model.js';
import { manifestWith } from '../../kit/worker-fakes.js';

const manifest = manifestWith();

const split = (classes: number): Parameters<typeof presetDataOf>[0]['train'] => ({
  spec: {
    inputs: { ids: { dtype: 'int32', shape: [6], kind: 'plain', values: 20 } },
    positions: 1,
    target: classes === 0 ? null : { kind: 'class', classes, names: null },
  },
});

/** A preset needs no place; what is no preset is resolved, and refused there. */
const noPlaces = { resolve: (uri: string) => resolve(uri) };

/** A manifest that names a student's model. */
const naming = (uri: string): { readonly student: Manifest['student'] } => ({
  student: { ...manifest.student, model: { ...manifest.student.model, uri } },
});

test('a preset learns the inputs of the data set, and the classes of both splits', () => {
  expect(presetDataOf({ train: split(3), test: split(4) }, null)).toMatchObject({
    inputs: { ids: { dtype: 'int32', shape: [6], values: 20 } },
    outputs: 4,
  });
  expect(presetDataOf({ train: split(0), test: null }, null).outputs).toBeUndefined();
});

test('a preset is made for the data set, the same each time', async () => {
  const dataset = { train: split(3), test: split(3) };
  const text = await studentModelText(naming('preset://text-cnn?kernels=2'), dataset, noPlaces);
  expect(await studentModelText(naming('preset://text-cnn?kernels=2'), dataset, noPlaces)).toBe(text);
  expect(JSON.parse(text)).toMatchObject({
    config: {
      layers: expect.arrayContaining([
        expect.objectContaining({ name: 'logits', config: expect.objectContaining({ units: 3 }) }),
      ]),
    },
  });
});

test('a mistake in the uri is a sentence, although validation should have found it', async () => {
  const dataset = { train: split(3), test: split(3) };
  await expect(studentModelText(naming('preset://mlp?hidden=a'), dataset, noPlaces)).rejects.toThrow(
    'preset mlp, hidden: found "a"',
  );
  await expect(studentModelText(naming('preset://MLP'), dataset, noPlaces)).rejects.toThrow('the uri must be');
});

test('texts are token ids to a preset, as many and as different as the tokenizer says', () => {
  const train = {
    spec: { inputs: { text: { dtype: 'text', shape: [], kind: 'plain' } }, positions: 1, target: null },
  } as const;
  expect(presetDataOf({ train, test: null }, { maxTokens: 32, vocabularySize: 900 })).toEqual({
    inputs: { text: { dtype: 'int32', shape: [32], values: 900 } },
    outputs: undefined,
  });
});
