/**
 * The teacher of this example: logistic regression over TF-IDF. Pure; the same texts give the same weights.
 *
 * A text has a weight for each of its words, log(1 + its count in the text) × log(texts ÷ texts with the word), and the
 * vector of these weights has length 1.
 */
import { randomFrom, seedOf } from '@distillery/base';

/** A vector that is zero elsewhere. */
interface Sparse {
  readonly ids: readonly number[];
  readonly values: readonly number[];
}

export interface LinearModel {
  /** By the word's id: log(texts ÷ texts with the word); 0 for padding and unknown words. */
  readonly idf: Float32Array;
  /** [words, classes], row-major. */
  readonly weights: Float32Array;
  /** [classes] */
  readonly bias: Float32Array;
}

export interface LinearTraining {
  /** Ids of the words of each text. */
  readonly texts: readonly (readonly number[])[];
  /** The class of each text. */
  readonly classes: readonly number[];
  readonly words: number;
  readonly classCount: number;
  readonly epochs: number;
  readonly learningRate: number;
  /** Factor of the squared weights in the loss of a text; only the words of the text are drawn to 0. */
  readonly decay: number;
  /** Ids below have no weight. */
  readonly firstWord: number;
}

/** AdaGrad, one text at a time. */
export function trainLinear(training: LinearTraining): LinearModel {
  const { texts, classes, words, classCount, epochs, learningRate, decay } = training;
  const idf = inverseFrequencies(training);
  const rows = texts.map((ids) => tfIdf(ids, idf));
  const model = { idf, weights: new Float32Array(words * classCount), bias: new Float32Array(classCount) };
  const squares = new Float32Array(words * classCount).fill(1e-8);
  const biasSquares = new Float32Array(classCount).fill(1e-8);
  const order = rows.map((_, at) => at);
  for (let epoch = 0; epoch < epochs; epoch++) {
    shuffle(order, epoch);
    for (const at of order) {
      const row = rows[at] ?? { ids: [], values: [] };
      const gradient = softmax(linearLogits(model, row));
      gradient[classes[at] ?? 0] = (gradient[classes[at] ?? 0] ?? 0) - 1;
      step(model.bias, biasSquares, 0, gradient, { value: 1, decay: 0, learningRate });
      for (const [of, id] of row.ids.entries()) {
        step(model.weights, squares, id * classCount, gradient, { value: row.values[of] ?? 0, decay, learningRate });
      }
    }
  }
  return model;
}

interface StepSettings {
  readonly value: number;
  readonly decay: number;
  readonly learningRate: number;
}

function step(
  weights: Float32Array,
  squares: Float32Array,
  start: number,
  gradient: readonly number[],
  { value, decay, learningRate }: StepSettings,
): void {
  for (let column = 0; column < gradient.length; column++) {
    const at = start + column;
    const weight = weights[at] ?? 0;
    const slope = (gradient[column] ?? 0) * value + decay * weight;
    const square = (squares[at] ?? 0) + slope * slope;
    squares[at] = square;
    weights[at] = weight - (learningRate * slope) / Math.sqrt(square);
  }
}

export function tfIdf(text: readonly number[], idf: Float32Array): Sparse {
  const counts = new Map<number, number>();
  for (const id of text) if ((idf[id] ?? 0) > 0) counts.set(id, (counts.get(id) ?? 0) + 1);
  const ids = [...counts.keys()];
  const values = ids.map((id) => Math.log1p(counts.get(id) ?? 0) * (idf[id] ?? 0));
  const length = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0));
  return { ids, values: values.map((value) => value / length) };
}

export function linearLogits({ weights, bias }: LinearModel, { ids, values }: Sparse): number[] {
  const logits = Array.from(bias);
  for (const [at, id] of ids.entries()) {
    const value = values[at] ?? 0;
    const start = id * bias.length;
    for (let column = 0; column < logits.length; column++) {
      logits[column] = (logits[column] ?? 0) + value * (weights[start + column] ?? 0);
    }
  }
  return logits;
}

function inverseFrequencies({ texts, words, firstWord }: LinearTraining): Float32Array {
  const found = new Float32Array(words);
  for (const text of texts) for (const id of new Set(text)) found[id] = (found[id] ?? 0) + 1;
  return found.map((count, id) => (id < firstWord || count === 0 ? 0 : Math.log(texts.length / count)));
}

function softmax(logits: readonly number[]): number[] {
  const largest = Math.max(...logits);
  const powers = logits.map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** Fisher and Yates. */
function shuffle(order: number[], epoch: number): void {
  const random = randomFrom(seedOf(epoch));
  for (let last = order.length - 1; last > 0; last--) {
    const other = random.below(last + 1);
    [order[last], order[other]] = [order[other] ?? 0, order[last] ?? 0];
  }
}
