/** What `distill models` prints. */
import { presetNames } from '@distillery/presets';
import { describe, expect, test } from '@jest/globals';

import { inputSizes, models } from '../../../../src/cli/offline/models.js';
import { CliError } from '../../../../src/cli/shared/cli-error.js';

function refusal(act: () => string): unknown {
  try {
    return act();
  } catch (error) {
    if (error instanceof CliError) return [error.reason, error.message];
    throw error;
  }
}

describe('the list', () => {
  test('has each preset with what it takes, its size and its defaults', () => {
    const blocks = models({ output: 'text' }).split('\n\n');
    expect(blocks.slice(0, -1).map((block) => block.split(':')[0])).toEqual(presetNames);
    expect(blocks[0]?.split('\n')).toEqual([
      'mlp: Fully connected layers; several inputs are joined.',
      '  takes images or numbers; 235,146 weights for images of 28 × 28 × 1 and 10 outputs',
      '  hidden   256,128  Units of each hidden layer.',
      '  dropout  0        Part of the units that is dropped after each hidden layer.',
    ]);
  });

  test('is the same for machines, with what each parameter takes', () => {
    const all = JSON.parse(models({ output: 'json' })) as Record<string, unknown>[];
    expect(all.map(({ name }) => name)).toEqual(presetNames);
    expect(all[0]).toEqual({
      name: 'mlp',
      summary: 'Fully connected layers; several inputs are joined.',
      takes: ['images', 'numbers'],
      parameters: expect.arrayContaining([
        {
          name: 'hidden',
          default: [256, 128],
          takes: '1 to 8 whole numbers from 1 to 8192, separated by commas',
          meaning: 'Units of each hidden layer.',
        },
        expect.objectContaining({ name: 'outputs', default: null }),
      ]),
      example: { input: { dtype: 'float32', shape: [28, 28, 1] }, outputs: 10, weights: 235_146 },
    });
  });
});

describe('a preset', () => {
  test('is shown layer by layer for the given data', () => {
    expect(
      models({ preset: 'mlp?hidden=4&dropout=0.5', input: [3, 2], outputs: 2, output: 'text' }).split('\n'),
    ).toEqual([
      'preset://mlp?hidden=4&dropout=0.5&outputs=2',
      '38 weights for numbers of shape 3 × 2 and 2 outputs',
      '',
      'layer            kind        output  weights  after',
      'input            InputLayer  3 × 2         0',
      'input_flat       Flatten     6             0  input',
      'hidden1          Dense       4            28  input_flat',
      'hidden1_dropout  Dropout     4             0  hidden1',
      'logits           Dense       2            10  hidden1_dropout',
      'total                                     38',
    ]);
  });

  test('may be named by its whole uri, and is the same for machines', () => {
    const shown = JSON.parse(
      models({ preset: 'preset://bytes-cnn?filters=8', input: [100], output: 'json' }),
    ) as object;
    expect(shown).toMatchObject({
      preset: 'bytes-cnn',
      parameters: { filters: [8], stride: 4 },
      input: { dtype: 'int32', shape: [100], values: 257 },
      outputs: 214,
      weights: expect.any(Number),
    });
  });

  test('takes token ids below the given vocabulary', () => {
    const given = { preset: 'text-cnn?vocabulary=50', input: [9], outputs: 2, output: 'text' } as const;
    expect(models(given)).toContain('weights for 9 token ids and 2 outputs');
    expect(refusal(() => models({ ...given, preset: 'text-cnn' }))).toEqual([
      'badInput',
      'preset text-cnn: the data set does not say how many different ids it has. ' +
        'Add vocabulary=N, the size of the vocabulary.',
    ]);
  });

  test('is printed as a model.json without weights', () => {
    const file = JSON.parse(models({ preset: 'cnn-tiny', output: 'topology' })) as Record<string, unknown>;
    expect(file).toMatchObject({
      format: 'layers-model',
      modelTopology: { class_name: 'Functional' },
      weightsManifest: [],
    });
  });
});

describe('a wrong command line', () => {
  test.each([
    [{ preset: 'cnn-tny' }, 'badInput', 'preset "cnn-tny": there is no such preset. Write cnn-tiny.'],
    [{ preset: 'mlp?' }, 'usage', expect.stringContaining('a preset is written preset://NAME')],
    [{ preset: 'mlp', input: [9_000_000] }, 'badInput', expect.stringContaining('weights in all layers')],
    [{ preset: 'cnn-tiny', input: [16] }, 'badInput', expect.stringContaining('the data has numbers of shape 16')],
    [{ output: 'topology' as const }, 'usage', expect.stringContaining('none is named')],
    [{ input: [16] }, 'usage', expect.stringContaining('none is named')],
  ])('with %j is refused', (request, reason, message) => {
    expect(refusal(() => models({ output: 'text', ...request }))).toEqual([reason, message]);
  });

  test.each(['', 'x', '0', '3x', '28×28', '-1', '1x2x3x4x5x6x7', '10000000', '1.5'])('has sizes such as %j', (text) => {
    expect(inputSizes(text)).toBeUndefined();
  });

  test('has other sizes than 28x28x1', () => {
    expect(inputSizes('28x28x1')).toEqual([28, 28, 1]);
  });
});
