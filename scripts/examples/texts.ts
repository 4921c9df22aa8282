/** Compares two models of texts: what they answer to the same held-out texts, how large and how fast they are. */
import { statSync } from 'node:fs';

import { type Dataset, openDataset, type DatasetSettings } from '../../dist/workers/data/index.js';
import type { Samples } from '../../dist/workers/samples/index.js';
import {
  type Inference,
  type ModelSource,
  openSession,
  openInference,
} from '../../dist/workers/models/inference/index.js';

import type { Figures } from './example.ts';
import { agreementOf, type HeldOutAnswers, median, sizesAndSpeeds } from './onnx.ts';

/** An ONNX file with its tokenizer. */
export type TextModel = Required<Pick<ModelSource, 'path' | 'tokenizer'>> & Pick<ModelSource, 'output'>;

/** @param fields of the samples @returns the model on one thread of this process */
export function openTextModel(
  { path, ...rest }: TextModel,
  fields: Dataset['train']['spec']['inputs'],
): Promise<Inference> {
  const source = { ...rest, path, format: 'onnx', input: {}, inputs: fields, threads: 1 } as const;
  return openInference(source, (file) => openSession(file, { device: 'cpu', tfjs: 'cpu' }));
}

export interface TextComparison {
  readonly teacher: TextModel;
  readonly student: TextModel;
  readonly dataset: DatasetSettings;
  /** Texts of one call of a model. */
  readonly batch: number;
}

export interface TextAnswers {
  /** Of the held-out texts. */
  readonly count: number;
  /** One row of so many columns for each text. */
  readonly teacher: Float32Array;
  readonly student: Float32Array;
  readonly columns: number;
  /**
   * heldOutSamples, the bytes of each file and their ratio, the texts a second of each (median over the batches, one
   * thread, tokenizer included) and their ratio
   */
  readonly figures: Figures;
}

/**
 * Both models take the same batches in turn, so that whatever else the machine does slows both.
 * @throws Error when the data set holds nothing out
 */
export async function answersToTexts({ teacher, student, dataset, batch }: TextComparison): Promise<TextAnswers> {
  const data = await openDataset(dataset);
  const opened: MeasuredModel[] = [];
  try {
    const { test } = data;
    if (test === null) throw new Error(`${dataset.uri} holds nothing out`);
    for (const model of [teacher, student]) {
      opened.push(new MeasuredModel(await openTextModel(model, test.spec.inputs), test.length));
    }
    for (let start = 0; start < test.length; start += batch) {
      const indices = Array.from({ length: Math.min(batch, test.length - start) }, (_, at) => start + at);
      const samples = await test.read(indices);
      for (const model of opened) await model.answer(samples, start);
    }
    const [ofTeacher, ofStudent] = opened as [MeasuredModel, MeasuredModel];
    const measured = (path: string, { speed, answers }: MeasuredModel): HeldOutAnswers['models'][number] => {
      return { bytes: statSync(path).size, samplesPerSecond: speed, answers };
    };
    const models = [measured(teacher.path, ofTeacher), measured(student.path, ofStudent)];
    return {
      count: test.length,
      teacher: ofTeacher.answers,
      student: ofStudent.answers,
      columns: ofTeacher.model.columns,
      figures: sizesAndSpeeds({ samples: test.length, models }),
    };
  } finally {
    await Promise.all([data.close(), ...opened.map(({ model }) => model.close())]);
  }
}

/** All texts of a split of a data set with one field of texts. */
export async function textsOf(dataset: DatasetSettings, split: 'train' | 'test'): Promise<readonly string[]> {
  const data = await openDataset(dataset);
  try {
    const { [split]: rows } = data;
    if (rows === null) throw new Error(`${dataset.uri} holds nothing out`);
    const [input] = Object.values((await rows.read(Array.from({ length: rows.length }, (_, at) => at))).inputs);
    if (input?.dtype !== 'text') throw new Error(`${dataset.uri} holds no texts`);
    return input.data;
  } finally {
    await data.close();
  }
}

class MeasuredModel {
  readonly model: Inference;
  readonly answers: Float32Array;
  readonly #speeds: number[] = [];

  constructor(model: Inference, samples: number) {
    this.model = model;
    this.answers = new Float32Array(samples * model.columns);
  }

  /** @param start index of the first sample */
  async answer(samples: Samples, start: number): Promise<void> {
    const startMs = performance.now();
    this.answers.set(await this.model.infer(samples), start * this.model.columns);
    this.#speeds.push((samples.count / (performance.now() - startMs)) * 1_000);
  }

  /** Samples a second. */
  get speed(): number {
    return median(this.#speeds);
  }
}

/** @returns the figures of `answersToTexts`, and heldOutAgreement: the share of the texts with the same class of both */
export async function compareTextClassifiers(comparison: TextComparison): Promise<Figures> {
  const { count, teacher, student, figures } = await answersToTexts(comparison);
  return { ...figures, heldOutAgreement: agreementOf(teacher, student, count) };
}
