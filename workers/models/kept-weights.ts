/**
 * A copy of the weights of the best evaluation, so that they can be exported in the end.
 *
 * Invariant: the copy is among the slots of the trainer's state, so that a resumed run exports the same weights (I1).
 */
import type { Slot } from './optimizer.js';
import type { ModelWeight } from './student-model.js';

export interface KeptWeights {
  /** One for each weight, in their order; the initial weights at first. */
  readonly slots: readonly Slot[];
  keep(): void;
  /** Writes the copy into the model. */
  use(): void;
}

export function createKept(weights: readonly ModelWeight[]): KeptWeights {
  const slots = weights.map((weight) => ({
    name: `kept/${weight.name}`,
    shape: weight.shape,
    values: weight.read(),
  }));
  return {
    slots,
    keep: () => {
      slots.forEach(({ values }, index) => {
        values.set(weights[index]?.read() ?? []);
      });
    },
    use: () => {
      slots.forEach(({ values }, index) => weights[index]?.assign(values));
    },
  };
}
