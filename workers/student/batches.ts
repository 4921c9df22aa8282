/**
 * Samples and targets of the steps to come, read and augmented ahead of the training thread. What a batch holds is a
 * pure function of the step, so preparing it early or twice changes nothing.
 */
import type { Augment, Schedule } from '@distillery/protocol';

import { batchOf } from '../data/index.js';
import type { Samples, Split, Targets } from '../samples/index.js';

/** Makes what the model takes out of the samples of the data set; see `studentView`. */
export type ModelView = (samples: Samples) => Samples;

export interface PreparedBatch {
  readonly step: number;
  readonly samples: Samples;
  /** null where the data set has none. */
  readonly targets: Targets | null;
}

export class BatchPreparer {
  readonly #split: Split;
  readonly #schedule: Schedule;
  readonly #augment: Augment;
  readonly #view: ModelView;
  readonly #ahead: number;
  readonly #prepared = new Map<number, Promise<PreparedBatch>>();

  constructor(options: {
    readonly split: Split;
    readonly schedule: Schedule;
    readonly augment: Augment;
    readonly view: ModelView;
    readonly ahead: number;
  }) {
    this.#split = options.split;
    this.#schedule = options.schedule;
    this.#augment = options.augment;
    this.#view = options.view;
    this.#ahead = options.ahead;
  }

  /** Returns the batch of a step and starts to prepare those after it. @throws DataError when the data set cannot be read */
  async take(step: number): Promise<PreparedBatch> {
    for (let next = step; next < Math.min(step + this.#ahead + 1, this.#schedule.steps); next++) {
      if (this.#prepared.has(next)) continue;
      const batch = this.#prepare(next);
      // The caller that takes this step gets the error; until then it must not count as unhandled.
      batch.catch(() => undefined);
      this.#prepared.set(next, batch);
    }
    const batch = this.#prepared.get(step) ?? this.#prepare(step);
    this.#prepared.delete(step);
    return batch;
  }

  async #prepare(step: number): Promise<PreparedBatch> {
    const indices = this.#schedule.indices(step);
    const samples = await batchOf(this.#split, indices, this.#augment, {
      seed: this.#schedule.augmentSeed(step),
      firstSample: 0,
    });
    return { step, samples: this.#view(samples), targets: await this.#split.targets(indices) };
  }
}
