/** @jest-environment ./test/unit/inference/environment.js */
/** Tree ensembles, as the converters of scikit-learn and LightGBM write them (fixtures/trees.py). */
import { join } from 'node:path';

import { sentenceOf } from '@distillery/base';
import { expect, test } from '@jest/globals';

import type { Samples } from '../../../workers/samples/index.js';
import { type InferenceSource, ModelError } from '../../../workers/models/inference/index.js';
import { opened } from './opened.js';

const source = (name: string): InferenceSource => ({
  format: 'onnx',
  path: join(import.meta.dirname, 'fixtures', `trees-${name}.onnx`),
  input: {},
  inputs: { columns: { dtype: 'float32', shape: [2], kind: 'plain' } },
  threads: 1,
});
/** An oak, an elm and a fir. */
const rows: Samples = {
  count: 3,
  inputs: { columns: { dtype: 'float32', shape: [3, 2], data: Float32Array.of(0.5, 0.5, -0.5, 0.5, -0.5, -0.5) } },
};

async function answersOf(name: string): Promise<{ logits: Float32Array; columns: number; notes: readonly string[] }> {
  const model = await opened(source(name));
  try {
    return { logits: await model.infer(rows), columns: model.columns, notes: model.notes };
  } finally {
    await model.close();
  }
}

// Columns in the order of the sorted names: elm, fir, oak. The expected numbers are those of the libraries in Python.
test.each([
  ['forest', [0.21016984, 0, 0.78983015, 0.8101698, 0, 0.18983015, 0, 0.78587514, 0.21412484]],
  [
    'boosted',
    [0.00511676, 0.00477641, 0.9901068, 0.98656833, 0.0052399, 0.00819181, 0.00561842, 0.9861741, 0.00820756],
  ],
])('a %s gives probabilities beside its labels, whatever their type', async (name, probabilities) => {
  const { logits, columns, notes } = await answersOf(name);
  expect(columns).toBe(3);
  expect(notes).toEqual([expect.stringContaining('the teacher answers probabilities')]);
  probabilities.forEach((wanted, at) => expect(Math.exp(logits[at]!)).toBeCloseTo(wanted, 5));
});

test('a regressor gives one number', async () => {
  const { logits, columns, notes } = await answersOf('regressor');
  expect({ columns, notes }).toEqual({ columns: 1, notes: [] });
  [2.0192926, -0.99567246, -1.8877447].forEach((wanted, at) => expect(logits[at]).toBeCloseTo(wanted, 5));
});

test('a classifier that ends with ZipMap is refused, and the remedy names the option', async () => {
  const error = await opened(source('zipmap')).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(ModelError);
  expect(sentenceOf((error as ModelError).fault)).toMatch(
    /: found 2 outputs: output_label \(string\), output_probability \(no tensor\), expected an output of floating-point numbers\. Export the model without ZipMap: options=\{'zipmap': False\} of skl2onnx, zipmap=False of onnxmltools\.$/,
  );
});
