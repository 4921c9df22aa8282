/**
 * The exponential moving average of the trained weights: after each step, average = decay · average + (1 − decay) · weight,
 * from the initial weights on, as Keras's `use_ema` does. Evaluations and the exported model use the averages, training
 * never does. Averages of normalizations are taken as they are.
 *
 * Invariant: the averages are slots of the trainer's state, so that a resumed run continues bit for bit (I1).
 */
import type { Parameter, Slot } from './optimizer.js';
import type { NamedTensor, TrainerState } from './trainer.js';

export interface Averages {
  /** One for each parameter, in their order. To restore, write into `values`. */
  readonly slots: readonly Slot[];
  /** Call after each update of the weights. */
  update(): void;
}

/** @param decay from 0 (the newest weights alone) to below 1 */
export function createAverages(decay: number, parameters: readonly Parameter[]): Averages {
  const slots = parameters.map(({ name, shape, values }) => ({ name: slotName(name), shape, values: values.slice() }));
  return {
    slots,
    update: () => {
      slots.forEach(({ values: average }, index) => {
        const weights = parameters[index]?.values ?? average;
        for (let at = 0; at < average.length; at++) {
          average[at] = decay * (average[at] ?? 0) + (1 - decay) * (weights[at] ?? 0);
        }
      });
    },
  };
}

/** The weights that a trainer in this state exports: averages where it keeps them. */
export function exportedWeights({ weights, slots }: TrainerState): readonly NamedTensor[] {
  const averages = new Map(slots.map((slot) => [slot.name, slot]));
  return weights.map((weight) => ({ ...weight, data: averages.get(slotName(weight.name))?.data ?? weight.data }));
}

function slotName(weight: string): string {
  return `ema/${weight}`;
}
