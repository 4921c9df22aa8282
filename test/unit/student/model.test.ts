/** Where the student's model comes from. */
import type { Manifest } from '@distillery/protocol';
import { expect, test } from '@jest/globals';

import { resolve } from '../../../workers/places/index.js';
import { presetDataOf, studentModelText } from '../../../workers/student/model.js';
import { teacherWidth } from '../../../workers/student/teacher-width.js';
import { FakeClock } from '../../kit/clock.js';
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

test('a preset without labels and outputs is as wide as the teacher, which is asked for nothing else', async () => {
  const unlabeled = { train: split(0), test: null };
  let asked = 0;
  const teacher = (): Promise<number> => {
    asked++;
    return Promise.resolve(7);
  };
  const unitsOf = async (uri: string, dataset: { train: typeof unlabeled.train; test: null }): Promise<number> => {
    const text = await studentModelText(naming(uri), dataset, noPlaces, { teacherColumns: teacher });
    const { config } = JSON.parse(text) as {
      readonly config: { readonly layers: { readonly name: string; readonly config: { readonly units: number } }[] };
    };
    return config.layers.find(({ name }) => name === 'logits')!.config.units;
  };
  expect(await unitsOf('preset://text-cnn?kernels=2', unlabeled)).toBe(7);
  expect(asked).toBe(1);
  expect(await unitsOf('preset://text-cnn?kernels=2&outputs=5', unlabeled)).toBe(5);
  expect(await unitsOf('preset://text-cnn?kernels=2', { train: split(3), test: null })).toBe(3);
  expect(asked).toBe(1);
  await expect(studentModelText(naming('preset://text-cnn'), unlabeled, noPlaces)).rejects.toThrow(
    'preset text-cnn: the data set does not say how many classes it has. Add outputs=N',
  );
});

test('the first teacher is waited for, until it says its width or the student is stopped', async () => {
  const answers = [null, null, { columns: 12 }];
  const clock = new FakeClock();
  const lines: string[] = [];
  const log = { info: (line: unknown) => void lines.push(String(line)) };
  const stop = new AbortController();
  const waiting = teacherWidth(() => Promise.resolve(answers.shift() ?? null), { clock, log, stop: stop.signal });
  for (let poll = 0; poll < 4; poll++) await clock.advance(500);
  expect(await waiting).toBe(12);
  expect(lines).toEqual(['waiting for the first teacher, whose width is that of the student']);
  const never = teacherWidth(() => Promise.resolve(null), { clock, log, stop: stop.signal });
  stop.abort(new Error('stopped'));
  await expect(never).rejects.toThrow('stopped');
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
