/**
 * The answers of a tfjs model as programs of its device (../device.ts): one for each shape of a batch, which runs as one
 * operation instead of one for each layer.
 *
 * Invariant: a batch of one shape is always computed in the same way, so that it gives the same bits again. Whether a shape
 * has a program is decided by the model alone, and a program that is recorded again is the same.
 */
import { dispose, type Tensor } from '@tensorflow/tfjs-core';

import type { Feed } from '../../inputs/index.js';
import { type Device, type DeviceTensor, type Program, RecordingError } from '../device.js';
import type { SessionOutput } from './inference.js';
import { tensorOf } from './tfjs-tensor.js';

/** Shapes seen at a time: the full batch and the last one, of samples and of texts of several lengths. */
const maxPrograms = 8;

export interface AnsweringModel {
  /** All that it computes with, and keeps. */
  readonly weights: readonly Tensor[];
  /** @returns the output of that name */
  readonly answer: (inputs: readonly Tensor[], output: string) => Tensor;
}

/** A batch in the two types that a device takes. */
type Uploadable = Feed & { readonly data: Float32Array | Int32Array };

export class AnswerPrograms {
  readonly #device: Device;
  readonly #model: AnsweringModel;
  readonly #weights: readonly DeviceTensor[];
  /** By shapes and output, the oldest first. */
  readonly #programs = new Map<string, Program>();
  /** Shapes without a program. */
  readonly #without = new Set<string>();

  constructor(device: Device, model: AnsweringModel) {
    this.#device = device;
    this.#model = model;
    this.#weights = model.weights.map((weight) => device.of(weight));
  }

  /** @returns null where the model has no program for such a batch: it is then computed op by op */
  run(feeds: readonly Feed[], output: string): SessionOutput | null {
    if (!feeds.every(isUploadable)) return null;
    const program = this.#programFor(feeds, output);
    if (program === null) return null;
    const given = feeds.map(({ data, shape }) => this.#device.upload(data, shape));
    const results = program.run([...this.#weights, ...given]);
    const [answer] = results;
    try {
      if (answer === undefined) throw new TypeError(`no output ${output}`);
      return { data: this.#device.read(answer), shape: [...answer.shape] };
    } finally {
      this.#device.free([...given, ...results]);
    }
  }

  /** The weights stay: the model owns them. */
  dispose(): void {
    for (const program of this.#programs.values()) program.dispose();
    this.#programs.clear();
  }

  #programFor(feeds: readonly Uploadable[], output: string): Program | null {
    const key = JSON.stringify([output, feeds.map(({ dtype, shape }) => [dtype, ...shape])]);
    const known = this.#programs.get(key);
    if (known !== undefined) return known;
    if (this.#without.has(key)) return null;
    const program = this.#recorded(feeds, output);
    if (program === null) {
      this.#without.add(key);
      return null;
    }
    const [oldest] = this.#programs;
    if (this.#programs.size >= maxPrograms && oldest !== undefined) {
      oldest[1].dispose();
      this.#programs.delete(oldest[0]);
    }
    this.#programs.set(key, program);
    return program;
  }

  #recorded(feeds: readonly Uploadable[], output: string): Program | null {
    const inputs = feeds.map(tensorOf);
    try {
      return this.#device.record({
        inputs: [...this.#model.weights, ...inputs],
        body: () => [this.#model.answer(inputs, output)],
      });
    } catch (error) {
      if (error instanceof RecordingError) return null;
      throw error;
    } finally {
      dispose(inputs);
    }
  }
}

function isUploadable(feed: Feed): feed is Uploadable {
  const { dtype, data } = feed;
  return (dtype === 'float32' && data instanceof Float32Array) || (dtype === 'int32' && data instanceof Int32Array);
}
