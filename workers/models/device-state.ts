/**
 * The weights and slots of a student on a device. What the update changes are variables, which it changes in place.
 *
 * Invariant: each tensor that the state holds is freed when another takes its place, and at the end.
 */
import type { Device, DeviceTensor } from './device.js';
import type { Slot } from './optimizer.js';
import type { StudentModel } from './student-model.js';
import { checkTensors } from './trainer-checks.js';
import type { NamedTensor, TrainerState } from './trainer.js';

/** What the state holds beside the weights. */
export interface DeviceSlots {
  /** Of the optimizer, then the averages. */
  readonly own: readonly Slot[];
  /** How many of `own`, the last ones, are averages of the trained weights. */
  readonly averages: number;
  /** One for each weight (kept-weights.ts), or none. */
  readonly kept: readonly Slot[];
}

export class DeviceState {
  readonly #device: Device;
  readonly #model: Pick<StudentModel, 'weights'>;
  readonly #of: DeviceSlots;
  /** Of the model, in its order. */
  #weights: readonly DeviceTensor[];
  /** Of the optimizer, then the averages. */
  #slots: readonly DeviceTensor[];
  #kept: readonly DeviceTensor[];

  /** Uploads the model's weights and the slots. */
  constructor(device: Device, model: Pick<StudentModel, 'weights'>, slots: DeviceSlots) {
    this.#device = device;
    this.#model = model;
    this.#of = slots;
    this.#weights = model.weights.map((weight, at) => this.#uploaded(at, weight.read(), weight.shape));
    this.#slots = slots.own.map(({ shape, values }) => device.variable(values, shape));
    this.#kept = slots.kept.map(({ shape, values }) => device.upload(values, shape));
  }

  get weights(): readonly DeviceTensor[] {
    return this.#weights;
  }

  get slots(): readonly DeviceTensor[] {
    return this.#slots;
  }

  get trained(): readonly DeviceTensor[] {
    return this.#weights.filter((_, at) => this.#isTrained(at));
  }

  /** The weights that are exported: averages where there are any. */
  get exported(): readonly DeviceTensor[] {
    const { averages } = this.#of;
    return averages === 0 ? this.#weights : this.#withTrained(this.#slots.slice(-averages));
  }

  /** @param frozen the weights that are not trained, after a pass */
  keepFrozen(frozen: readonly DeviceTensor[]): void {
    this.#device.free(this.#weights.filter((_, at) => !this.#isTrained(at)));
    let next = 0;
    this.#weights = this.#weights.map((weight, at) => (this.#isTrained(at) ? weight : (frozen[next++] ?? weight)));
  }

  read(): TrainerState {
    const named = (
      tensors: readonly DeviceTensor[],
      of: readonly Pick<NamedTensor, 'name' | 'shape'>[],
    ): NamedTensor[] =>
      of.flatMap(({ name, shape }, at) => {
        const tensor = tensors[at];
        return tensor === undefined ? [] : [{ name, shape: [...shape], data: this.#device.read(tensor) }];
      });
    return {
      weights: named(this.#weights, this.#model.weights),
      slots: named([...this.#slots, ...this.#kept], this.#slotsOf),
    };
  }

  /** @throws StateError when the state is of another model or optimizer; nothing is changed then */
  restore({ weights, slots }: TrainerState): void {
    checkTensors(weights, this.#model.weights);
    checkTensors(slots, this.#slotsOf);
    this.dispose();
    this.#weights = weights.map(({ data, shape }, at) => this.#uploaded(at, data, shape));
    const own = this.#of.own.length;
    this.#slots = slots.slice(0, own).map(({ data, shape }) => this.#device.variable(data, shape));
    this.#kept = slots.slice(own).map(({ data, shape }) => this.#device.upload(data, shape));
  }

  /** Keeps a copy of the exported weights, where there is room for it. */
  keep(): void {
    if (this.#of.kept.length === 0) return;
    this.#device.free(this.#kept);
    this.#kept = this.exported.map((tensor) => this.#device.upload(this.#device.read(tensor), tensor.shape));
  }

  /** Makes the kept weights those that are exported. */
  useKept(): void {
    const { averages, kept } = this.#of;
    if (kept.length === 0) return;
    this.#device.free(this.#weights);
    this.#weights = this.#kept.map((tensor, at) => this.#uploaded(at, this.#device.read(tensor), tensor.shape));
    if (averages === 0) return;
    const from = this.#slots.length - averages;
    this.#device.free(this.#slots.slice(from));
    const trained = this.#kept.filter((_, at) => this.#isTrained(at));
    const copies = trained.map((tensor) => this.#device.variable(this.#device.read(tensor), tensor.shape));
    this.#slots = [...this.#slots.slice(0, from), ...copies];
  }

  dispose(): void {
    this.#device.free([...this.#weights, ...this.#slots, ...this.#kept]);
  }

  get #slotsOf(): readonly Slot[] {
    return [...this.#of.own, ...this.#of.kept];
  }

  /** @param at of the weight */
  #uploaded(at: number, values: Float32Array, shape: readonly number[]): DeviceTensor {
    return this.#isTrained(at) ? this.#device.variable(values, shape) : this.#device.upload(values, shape);
  }

  #isTrained(at: number): boolean {
    return this.#model.weights[at]?.trainable === true;
  }

  #withTrained(trained: readonly DeviceTensor[]): readonly DeviceTensor[] {
    let next = 0;
    return this.#weights.map((weight, at) => (this.#isTrained(at) ? (trained[next++] ?? weight) : weight));
  }
}
