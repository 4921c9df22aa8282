/** Compares two models in ONNX Runtime: what they answer to the same held-out samples, how large and how fast they are. */
import { statSync } from 'node:fs';

import { InferenceSession, Tensor } from 'onnxruntime-node';

import { openDataset, type DatasetSettings } from '../../dist/workers/data/index.js';
import type { NumericTensor } from '../../dist/workers/samples/index.js';

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

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

export interface ComparedModel {
  /** An ONNX file with one input. */
  readonly path: string;
  /** What this model takes of a sample's only input; absent = the values as they are. */
  readonly inputOf?: (input: NumericTensor) => NumericTensor;
}

export interface HeldOutRun {
  readonly models: readonly ComparedModel[];
  /** With one numeric input. */
  readonly dataset: DatasetSettings;
  /** Samples of one call of a model. */
  readonly batch: number;
  /** Absent = the held-out samples. */
  readonly split?: 'train' | 'test';
}

export interface HeldOutAnswers {
  readonly samples: number;
  /** Of each model, in the order of the run. */
  readonly models: readonly {
    /** Of its file. */
    readonly bytes: number;
    /** Median over the batches, on one thread. */
    readonly samplesPerSecond: number;
    /** Its first output, row-major: one row for each sample. */
    readonly answers: Float32Array;
  }[];
}

/**
 * Runs models on the held-out samples of a data set, or on those of training. All take the same batches in turn, so that
 * whatever else the machine does slows all of them.
 */
export async function heldOutAnswers({
  models: compared,
  dataset,
  batch,
  split = 'test',
}: HeldOutRun): Promise<HeldOutAnswers> {
  const data = await openDataset(dataset);
  const models = await Promise.all(
    compared.map(async ({ path, inputOf = (input: NumericTensor) => input }) => {
      return { model: await openModel(path), inputOf, speeds: [] as number[], answers: [] as Float32Array[] };
    }),
  );
  try {
    const { [split]: rows } = data;
    if (rows === null) throw new Error(`${dataset.uri} holds nothing out`);
    for (let start = 0; start < rows.length; start += batch) {
      const indices = Array.from({ length: Math.min(batch, rows.length - start) }, (_, at) => start + at);
      const [input] = Object.values((await rows.read(indices)).inputs);
      if (input === undefined || input.dtype === 'text') throw new Error(`${dataset.uri} has no numeric input`);
      for (const { model, inputOf, speeds, answers } of models) {
        const inputs = { [model.inputNames[0] ?? '']: inputOf(input) };
        // The first call allocates memory.
        if (start === 0) await model.run(inputs);
        const startMs = performance.now();
        answers.push(await model.run(inputs));
        speeds.push((indices.length / (performance.now() - startMs)) * 1_000);
      }
    }
    return {
      samples: rows.length,
      models: models.map(({ model: { bytes }, speeds, answers }) => ({
        bytes,
        samplesPerSecond: median(speeds),
        answers: Float32Array.from(answers.flatMap((part) => [...part])),
      })),
    };
  } finally {
    await Promise.all([data.close(), ...models.map(({ model }) => model.close())]);
  }
}

/**
 * @param models the teacher, then the student
 * @returns heldOutSamples, the bytes of each file and their ratio, the samples a second of each and their ratio
 */
export function sizesAndSpeeds({ samples, models: [teacher, student] }: HeldOutAnswers): Figures {
  if (teacher === undefined || student === undefined) throw new RangeError('sizesAndSpeeds: two models are compared');
  return {
    heldOutSamples: samples,
    teacherBytes: teacher.bytes,
    studentBytes: student.bytes,
    timesSmaller: teacher.bytes / student.bytes,
    teacherSamplesPerSecond: teacher.samplesPerSecond,
    studentSamplesPerSecond: student.samplesPerSecond,
    timesFaster: student.samplesPerSecond / teacher.samplesPerSecond,
  };
}

const none = new Float32Array();

export interface Comparison extends Omit<HeldOutRun, 'models'> {
  readonly teacher: ComparedModel['path'] | ComparedModel;
  readonly student: ComparedModel['path'] | ComparedModel;
}

/** Share of the rows with the largest number in the same column. @param one, other [samples, columns] */
export function agreementOf(one: Float32Array, other: Float32Array, samples: number): number {
  const [left, right] = [one, other].map((rows) => largestOfRows(rows, samples));
  return (left ?? []).filter((column, at) => column === right?.[at]).length / samples;
}

/**
 * Compares two classifiers on the held-out samples of a data set.
 * @returns what `sizesAndSpeeds` does, and heldOutAgreement: the share of the samples to which both give the same class
 */
export async function compareClassifiers({ teacher, student, ...run }: Comparison): Promise<Figures> {
  const models = [teacher, student].map((each) => (typeof each === 'string' ? { path: each } : each));
  const found = await heldOutAnswers({ ...run, models });
  const [ofTeacher = none, ofStudent = none] = found.models.map(({ answers }) => answers);
  return { ...sizesAndSpeeds(found), heldOutAgreement: agreementOf(ofTeacher, ofStudent, found.samples) };
}
