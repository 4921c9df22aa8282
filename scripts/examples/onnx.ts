/** Compares two models in ONNX Runtime: what they answer to the same held-out samples, how large and how fast they are. */
import { statSync } from 'node:fs';

import { InferenceSession, Tensor } from 'onnxruntime-node';

import { openDataset, type DatasetSettings, type NumericTensor } from '../../dist/workers/data/index.js';

import type { Figures } from './example.ts';

/** A model of one thread. */
interface Model {
  /** Bytes of its file. */
  readonly bytes: number;
  readonly inputNames: readonly string[];
  /** @returns the first output, row-major: one row for each sample */
  run(inputs: Readonly<Record<string, NumericTensor>>): Promise<Float32Array>;
  close(): Promise<void>;
}

async function openModel(path: string): Promise<Model> {
  const session = await InferenceSession.create(path, {
    executionProviders: ['cpu'],
    intraOpNumThreads: 1,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    logSeverityLevel: 4,
  });
  const [output = ''] = session.outputNames;
  return {
    bytes: statSync(path).size,
    inputNames: session.inputNames,
    run: async (inputs) => {
      const feeds = Object.fromEntries(
        Object.entries(inputs).map(([name, { dtype, data, shape }]) => [name, new Tensor(dtype, data, shape)]),
      );
      const answer = (await session.run(feeds))[output];
      if (answer?.type !== 'float32') throw new Error(`${path}: its first output is no float32 tensor`);
      // The runtime owns the memory behind its answer: copy before it is freed.
      const copy = Float32Array.from(answer.data as Float32Array);
      answer.dispose();
      return copy;
    },
    close: () => session.release(),
  };
}

/** @returns the column of the largest number of each row */
function largestOfRows(rows: Float32Array, count: number): number[] {
  const width = rows.length / count;
  return Array.from({ length: count }, (_, row) => {
    const values = rows.subarray(row * width, (row + 1) * width);
    return values.indexOf(values.reduce((largest, value) => Math.max(largest, value), -Infinity));
  });
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export interface Comparison {
  /** Paths of ONNX files with one input each. */
  readonly teacher: string;
  readonly student: string;
  readonly dataset: DatasetSettings;
  /** Samples of one call of a model. */
  readonly batch: number;
}

/**
 * Compares two classifiers on the held-out samples of a data set with one numeric input. Both take the same batches in
 * turn, so that whatever else the machine does slows both.
 * @returns heldOutSamples, heldOutAgreement (share of the samples to which both give the same class), the bytes of each
 *   file and their ratio, the samples a second of each (median over the batches, one thread) and their ratio
 */
export async function compareClassifiers({ teacher, student, dataset, batch }: Comparison): Promise<Figures> {
  const data = await openDataset(dataset);
  const models = [await openModel(teacher), await openModel(student)] as const;
  const speeds: [number[], number[]] = [[], []];
  let same = 0;
  let all = 0;
  try {
    const { test } = data;
    if (test === null) throw new Error(`${dataset.uri} holds nothing out`);
    for (let start = 0; start < test.length; start += batch) {
      const indices = Array.from({ length: Math.min(batch, test.length - start) }, (_, at) => start + at);
      const [input] = Object.values((await test.read(indices)).inputs);
      if (input === undefined || input.dtype === 'text') throw new Error(`${dataset.uri} has no numeric input`);
      const classes: number[][] = [];
      for (const [at, model] of models.entries()) {
        const inputs = { [model.inputNames[0] ?? '']: input };
        // The first call allocates memory.
        if (start === 0) await model.run(inputs);
        const startMs = performance.now();
        const answers = await model.run(inputs);
        speeds[at]?.push((indices.length / (performance.now() - startMs)) * 1_000);
        classes.push(largestOfRows(answers, indices.length));
      }
      same += indices.filter((_, at) => classes[0]?.[at] === classes[1]?.[at]).length;
      all += indices.length;
    }
  } finally {
    await Promise.all([data.close(), ...models.map((model) => model.close())]);
  }
  const [{ bytes: teacherBytes }, { bytes: studentBytes }] = models;
  const [teacherSamplesPerSecond, studentSamplesPerSecond] = [median(speeds[0]), median(speeds[1])];
  return {
    heldOutSamples: all,
    heldOutAgreement: same / all,
    teacherBytes,
    studentBytes,
    timesSmaller: teacherBytes / studentBytes,
    teacherSamplesPerSecond,
    studentSamplesPerSecond,
    timesFaster: studentSamplesPerSecond / teacherSamplesPerSecond,
  };
}
