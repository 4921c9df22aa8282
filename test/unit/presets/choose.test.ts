/** What a preset is asked for: names and parameters, and the sentence about each mistake. */
import { choosePreset, type PresetData, PresetError, presetNames, presets, presetTopology } from '@distillery/presets';
import { describe, expect, test } from '@jest/globals';

type Given = readonly (readonly [string, string])[];

function sentence(act: () => unknown): string {
  try {
    act();
  } catch (error) {
    if (error instanceof PresetError) return error.message;
    throw error;
  }
  return 'accepted';
}

describe('a choice', () => {
  test('has every parameter, and the given ones as they are given', () => {
    const { values } = choosePreset('mlp', [['hidden', '7,5']]);
    expect(values).toEqual({ hidden: [7, 5], dropout: 0, outputs: undefined });
  });

  test.each<[string, Given, string]>([
    ['cnn-tny', [], 'preset "cnn-tny": there is no such preset. Write cnn-tiny.'],
    [
      'gpt',
      [],
      'preset "gpt": there is no such preset. Use mlp, cnn-tiny, resnet-tiny, mobilenet-tiny, text-cnn, ' +
        'text-transformer-tiny or bytes-cnn.',
    ],
    ['toString', [], expect.stringContaining('there is no such preset') as unknown as string],
    ['mlp', [['hiddn', '3']], 'preset mlp: it has no parameter "hiddn". Write hidden.'],
    ['mlp', [['width', '3']], 'preset mlp: it has no parameter "width". It has hidden, dropout, outputs.'],
    ['mlp', [['constructor', '3']], expect.stringContaining('no parameter "constructor"') as unknown as string],
    [
      'mlp',
      [['hidden', '0']],
      'preset mlp, hidden: found "0", expected 1 to 8 whole numbers from 1 to 8192, separated by commas. ' +
        'Write for example hidden=256,128.',
    ],
    ['mlp', [['hidden', '1,2,3,4,5,6,7,8,9']], expect.stringContaining('expected 1 to 8') as unknown as string],
    ['mlp', [['hidden', '08']], expect.stringContaining('found "08"') as unknown as string],
    ['mlp', [['hidden', '8,']], expect.stringContaining('found "8,"') as unknown as string],
    [
      'mlp',
      [['dropout', '1']],
      'preset mlp, dropout: found "1", expected a number from 0 to 0.95. Write for example dropout=0.1.',
    ],
    ['mlp', [['dropout', '1e-1']], expect.stringContaining('found "1e-1"') as unknown as string],
    [
      'mlp',
      [
        ['dropout', '0'],
        ['dropout', '0'],
      ],
      'preset mlp: the parameter "dropout" is given twice. Remove one of the two.',
    ],
    [
      'text-transformer-tiny',
      [['heads', '3']],
      'preset text-transformer-tiny: embedding=64 cannot be divided among 3 heads. Write for example embedding=66.',
    ],
  ])('of %s with %j is refused', (name, given, want) => {
    expect(sentence(() => choosePreset(name, given))).toEqual(want);
  });

  test('writes no long text of a user into its sentence', () => {
    expect(sentence(() => choosePreset('x'.repeat(900), [])).length).toBeLessThan(250);
  });

  test.each(presetNames)('of %s reads its own examples and defaults', (name) => {
    for (const [parameter, kind] of Object.entries(presets[name].parameters)) {
      expect([parameter, kind.read(kind.example)]).not.toEqual([parameter, undefined]);
      if (kind.fallback !== undefined) expect(kind.read(kind.text(kind.fallback))).toEqual(kind.fallback);
    }
  });
});

const image = { dtype: 'float32', shape: [28, 28, 1] } as const;
const tokens = { dtype: 'int32', shape: [64], values: 1000 } as const;

describe('data', () => {
  test.each<[string, Given, PresetData, string]>([
    [
      'text-cnn',
      [],
      { inputs: { input: image }, outputs: 10 },
      'preset text-cnn: it takes token ids or bytes; the data has images of 28 × 28 × 1. ' +
        'Use mlp, cnn-tiny, resnet-tiny or mobilenet-tiny.',
    ],
    [
      'cnn-tiny',
      [],
      { inputs: { input: tokens }, outputs: 10 },
      'preset cnn-tiny: it takes images; the data has 64 token ids below 1000. Use text-cnn or text-transformer-tiny.',
    ],
    [
      'bytes-cnn',
      [],
      { inputs: { input: tokens }, outputs: 10 },
      'preset bytes-cnn: it takes bytes; the data has 64 token ids below 1000. Use text-cnn or text-transformer-tiny.',
    ],
    [
      'cnn-tiny',
      [],
      { inputs: { input: { dtype: 'float32', shape: [16] } }, outputs: 10 },
      'preset cnn-tiny: it takes images; the data has numbers of shape 16. Use mlp.',
    ],
    [
      'mlp',
      [],
      { inputs: { input: { dtype: 'int32', shape: [4, 4] } }, outputs: 10 },
      'preset mlp: it takes images or numbers; the data has int32 of shape [4, 4]. ' +
        'Give the student a model file instead.',
    ],
    [
      'cnn-tiny',
      [],
      { inputs: { left: image, right: image }, outputs: 10 },
      'preset cnn-tiny: it takes images; the data has images of 28 × 28 × 1 and images of 28 × 28 × 1. Use mlp.',
    ],
    [
      'cnn-tiny',
      [['filters', '1,1,1,1,1']],
      { inputs: { input: image }, outputs: 10 },
      'preset cnn-tiny: images of 28 × 28 are too small to be halved 5 times. Give at most 4 filters.',
    ],
    [
      'cnn-tiny',
      [],
      { inputs: { input: { dtype: 'float32', shape: [1, 9, 1] } }, outputs: 10 },
      'preset cnn-tiny: images of 1 × 9 are too small to be halved 2 times. Use mlp.',
    ],
    [
      'text-cnn',
      [],
      { inputs: { input: { ...tokens, shape: [4] } }, outputs: 2 },
      'preset text-cnn: a convolution over 5 tokens is longer than a text of 4. Give kernels of at most 4.',
    ],
    [
      'text-cnn',
      [],
      { inputs: { input: { dtype: 'int32', shape: [64] } }, outputs: 2 },
      'preset text-cnn: the data set does not say how many different ids it has. ' +
        'Add vocabulary=N, the size of the vocabulary.',
    ],
    [
      'text-cnn',
      [['vocabulary', '999']],
      { inputs: { input: tokens }, outputs: 2 },
      'preset text-cnn: vocabulary=999 is too small, the data has ids up to 999. ' +
        'Leave vocabulary out, or write vocabulary=1000.',
    ],
    [
      'mlp',
      [],
      { inputs: { input: image } },
      'preset mlp: the data set does not say how many classes it has. ' +
        "Add outputs=N, the number of the teacher's logits.",
    ],
    [
      'mlp',
      [['hidden', '8192,8192,8192,8192,8192,8192']],
      { inputs: { input: image }, outputs: 10 },
      'preset mlp: found 342097930 weights in all layers, expected at most 268435456. Choose smaller parameters.',
    ],
    [
      'resnet-tiny',
      [['width', '512']],
      { inputs: { input: { dtype: 'float32', shape: [1024, 1024, 3] } }, outputs: 10 },
      'preset resnet-tiny, layer stem: found an output of 1024 × 1024 × 512 numbers for one sample, ' +
        'expected at most 134217728. Choose smaller parameters or smaller samples.',
    ],
    [
      'mlp',
      [],
      { inputs: { hidden1: image, right: image }, outputs: 10 },
      'preset mlp: the data has an input "hidden1", a name that a layer of the preset has. Rename the input.',
    ],
  ])('%s with %j refuses what it cannot take', (name, given, data, want) => {
    expect(sentence(() => presetTopology(choosePreset(name, given), data))).toBe(want);
  });

  test('of the data set gives way to a given number of outputs', () => {
    const logitsOf = (given: Given): unknown =>
      presetTopology(choosePreset('mlp', given), { inputs: { input: image }, outputs: 10 }).layers.at(-1)?.shape;
    expect(logitsOf([])).toEqual([10]);
    expect(logitsOf([['outputs', '12']])).toEqual([12]);
  });
});
