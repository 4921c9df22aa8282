/** Samples as named tensors: cut, compared, described, and augmented by their kind. */
import { datasetFormats } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

import { batchOf, openDataset } from '../../../workers/data/index.js';
import {
  imageInputs,
  imageSamples,
  inputsText,
  sameInputs,
  type Samples,
  samplesBetween,
  type Split,
} from '../../../workers/samples/index.js';

/** Three samples of a text and a number: two inputs of different types. */
const mixed: Samples = {
  count: 3,
  inputs: {
    ids: { dtype: 'int32', shape: [3, 2], data: Int32Array.of(1, 2, 3, 4, 5, 6) },
    scale: { dtype: 'float32', shape: [3, 1], data: Float32Array.of(0.5, 0.25, 0.125) },
  },
};

describe('samples', () => {
  test('are cut between two samples, all inputs at the same place', () => {
    expect(samplesBetween(mixed, 1, 3)).toEqual({
      count: 2,
      inputs: {
        ids: { dtype: 'int32', shape: [2, 2], data: Int32Array.of(3, 4, 5, 6) },
        scale: { dtype: 'float32', shape: [2, 1], data: Float32Array.of(0.25, 0.125) },
      },
    });
    expect(samplesBetween(mixed, 1, 1)).toMatchObject({ count: 0, inputs: { ids: { shape: [0, 2] } } });
  });

  test('with one image have one input and as many samples as the pixels give', () => {
    const samples = imageSamples([2, 3, 1], new Float32Array(12));
    expect(samples).toMatchObject({ count: 2, inputs: { input: { dtype: 'float32', shape: [2, 2, 3, 1] } } });
  });
});

describe('inputs', () => {
  const inputs = { ids: { dtype: 'int32', shape: [16] }, image: { dtype: 'float32', shape: [8, 8, 3] } } as const;
  test.each<[string, object, boolean]>([
    ['the same in another order', { image: inputs.image, ids: inputs.ids }, true],
    ['one less', { ids: inputs.ids }, false],
    ['another name', { ids: inputs.ids, picture: inputs.image }, false],
    ['another type', { ...inputs, ids: { dtype: 'float32', shape: [16] } }, false],
    ['another shape', { ...inputs, ids: { dtype: 'int32', shape: [17] } }, false],
  ])('with %s: equal is %s', (_what, other, equal) => {
    expect(sameInputs(inputs, other as typeof inputs)).toBe(equal);
    expect(sameInputs(other as typeof inputs, inputs)).toBe(equal);
  });

  test('are described by their sizes, and by their names where there are several', () => {
    expect(inputsText(imageInputs([28, 28, 1]))).toBe('28 × 28 × 1');
    expect(inputsText(inputs)).toBe('ids 16 of int32, image 8 × 8 × 3');
  });
});

describe('a batch', () => {
  const split: Split = {
    length: 3,
    spec: {
      inputs: {
        ids: { dtype: 'int32', shape: [2], kind: 'plain' },
        scale: { dtype: 'float32', shape: [1], kind: 'plain' },
      },
      positions: 2,
      target: { kind: 'class', classes: 4, names: null },
    },
    read: () => Promise.resolve(mixed),
    targets: () => Promise.resolve({ kind: 'class', perSample: 2, labels: new Int32Array(6) }),
    close: () => Promise.resolve(),
  };

  test('of samples that are not images stays unchanged', async () => {
    const batch = await batchOf(split, [0, 1, 2], { shift: 0, noise: 0 }, { seed: 1, firstSample: 0 });
    expect(batch).toEqual(mixed);
  });

  test('of samples that are not images is refused with an augmentation, never returned without it', async () => {
    const batch = batchOf(split, [0, 1, 2], { shift: 1, noise: 0 }, { seed: 1, firstSample: 0 });
    await expect(batch).rejects.toThrow(
      'input ids: its samples are no images and cannot be augmented. Set training.augment.shift and training.augment.noise to 0',
    );
  });
});

test.each(datasetFormats)('the format %s of the manifest has a reader', async (format) => {
  await expect(openDataset({ format, uri: 'file:///nowhere' })).rejects.toThrow('/nowhere: found nothing');
});
