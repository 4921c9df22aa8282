/** Teachers of the tfjs formats on TensorFlow: their answers are programs, one for each shape of a batch. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';

import type { Samples } from '../../../workers/samples/index.js';
import { type Inference, type InferenceSource, openInference } from '../../../workers/models/inference/index.js';
import { openRuntime, type Runtime, runtimeTable } from '../../../workers/runtimes/index.js';
import { builtNative } from '../../kit/native.js';
import { nativeTensors } from '../../kit/native-tensors.js';
import { dense, graphFiles, node } from '../inference/graph-model.js';
import { withModelFolder } from '../inference/tfjs-model.js';

const folder = builtNative();
const kernel = [1, -2, 0.5, 4, 0.25, -1];
const bias = [0.5, -1];

/** `count` samples of three numbers; the first of them are the same in every batch. */
const samplesOf = (count: number): Samples => ({
  count,
  inputs: {
    x: {
      dtype: 'float32',
      shape: [count, 3],
      data: Float32Array.from({ length: 3 * count }, (_, at) => Math.sin(at)),
    },
  },
});
const sums = (count: number): number[] => {
  const { data } = samplesOf(count).inputs.x as { data: Float32Array };
  return Array.from({ length: 2 * count }, (_, at) => {
    const row = data.subarray(3 * Math.floor(at / 2), 3 * Math.floor(at / 2) + 3);
    return row.reduce(
      (sum, value, column) => sum + value * (kernel[2 * column + (at % 2)] ?? NaN),
      bias[at % 2] ?? NaN,
    );
  });
};
const sourceOf = (format: InferenceSource['format'], path: string): InferenceSource => ({
  format,
  path,
  input: {},
  inputs: { x: { dtype: 'float32', shape: [3], kind: 'plain' } },
  threads: 1,
});

/** One dense layer. */
function layersFiles(): Record<string, string | Uint8Array> {
  const dense = { name: 'logits', units: 2, activation: 'linear', batch_input_shape: [null, 3], dtype: 'float32' };
  const layers = [{ class_name: 'Dense', config: dense }];
  const weights = [
    { name: 'logits/kernel', shape: [3, 2], dtype: 'float32' },
    { name: 'logits/bias', shape: [2], dtype: 'float32' },
  ];
  return {
    'model.json': JSON.stringify({
      format: 'layers-model',
      modelTopology: { class_name: 'Sequential', config: { name: 'tiny', layers } },
      weightsManifest: [{ paths: ['weights.bin'], weights }],
    }),
    'weights.bin': new Uint8Array(Float32Array.of(...kernel, ...bias).buffer),
  };
}

(folder === null ? describe.skip : describe)('a teacher on the runtime native', () => {
  let native: Runtime;
  beforeAll(async () => {
    native = await openRuntime('native', 'tfjs-layers', runtimeTable({ folder, threads: 1, instructionSet: null }));
  });
  const opened = (format: InferenceSource['format'], path: string): Promise<Inference> =>
    openInference(sourceOf(format, path), (file) => native.openSession(file));

  const models = [
    { format: 'tfjs-graph' as const, files: () => graphFiles(dense(kernel, bias, [])) },
    {
      format: 'tfjs-layers' as const,
      files: () => Promise.resolve(layersFiles()),
    },
  ];

  it.each(models)(
    'answers what its model says, batch after batch of several sizes: $format',
    async ({ format, files }) => {
      await withModelFolder(await files(), async (path) => {
        const teacher = await opened(format, path);
        for (const rows of [4, 1, 4, 7]) {
          const logits = await teacher.infer(samplesOf(rows));
          expect(logits).toHaveLength(2 * rows);
          sums(rows).forEach((want, at) => expect(logits[at]).toBeCloseTo(want, 5));
          // The same batch, the same bits.
          expect([...(await teacher.infer(samplesOf(rows)))]).toEqual([...logits]);
        }
        await teacher.close();
      });
    },
  );

  it.each(models)('leaves no tensor behind, also with more sizes than it keeps: $format', async ({ format, files }) => {
    await withModelFolder(await files(), async (path) => {
      const teacher = await opened(format, path);
      await teacher.infer(samplesOf(1));
      const before = [nativeTensors(), tf.memory().numTensors];
      for (let round = 0; round < 2; round++) {
        for (let rows = 1; rows <= 12; rows++) await teacher.infer(samplesOf(rows));
      }
      expect([nativeTensors(), tf.memory().numTensors]).toEqual(before);
      await teacher.close();
    });
  });

  it('runs a batch as one operation', async () => {
    await withModelFolder(await graphFiles(dense(kernel, bias, [node('end', 'Relu', 'sum')])), async (path) => {
      const teacher = await opened('tfjs-graph', path);
      await teacher.infer(samplesOf(4));
      const backend = tf.backend() as unknown as { binding: { executeOp(...given: unknown[]): unknown } };
      const names: unknown[] = [];
      const original = backend.binding.executeOp.bind(backend.binding);
      backend.binding.executeOp = (...given) => {
        names.push(given[0]);
        return original(...given);
      };
      try {
        await teacher.infer(samplesOf(4));
      } finally {
        backend.binding.executeOp = original;
      }
      expect(names).toEqual([expect.stringMatching(/^distillery_\d+$/)]);
      await teacher.close();
    });
  });
});
