/** Where the student's model comes from. */
import { expect, test } from '@jest/globals';

import { presetDataOf, studentModelText } from '../../../workers/student/model.js';

const split = (classes: number): Parameters<typeof presetDataOf>[0]['train'] => ({
  spec: { inputs: { ids: { dtype: 'int32', shape: [6], kind: 'plain', values: 20 } }, positions: 1, classes },
});

test('a preset learns the inputs of the data set, and the classes of both splits', () => {
  expect(presetDataOf({ train: split(3), test: split(4) })).toMatchObject({
    inputs: { ids: { dtype: 'int32', shape: [6], values: 20 } },
    outputs: 4,
  });
  expect(presetDataOf({ train: split(0), test: split(0) }).outputs).toBeUndefined();
});

test('a preset is made for the data set, the same each time', async () => {
  const dataset = { train: split(3), test: split(3) };
  const text = await studentModelText('preset://text-cnn?kernels=2', dataset);
  expect(await studentModelText('preset://text-cnn?kernels=2', dataset)).toBe(text);
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
  await expect(studentModelText('preset://mlp?hidden=a', dataset)).rejects.toThrow('preset mlp, hidden: found "a"');
  await expect(studentModelText('preset://MLP', dataset)).rejects.toThrow('the uri must be');
});
