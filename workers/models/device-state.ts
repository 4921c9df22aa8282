/**
 * The weights and slots of a student on a device.
 *
 * Invariant: each tensor that the state holds is freed when another takes its place, and at the end.
 */
import type { Device, DeviceTensor } from './device.js';
import type { Slot } from './optimizer.js';
import type { StudentModel } from './student-model.js';
import { checkTensors } from './trainer-checks.js';
import type { NamedTensor, TrainerState } from './trainer.js';

export class DeviceState {
  readonly #device: Device;
  readonly #model: Pick<StudentModel, 'weights'>;
  readonly #ofSlots: readonly Slot[];
  readonly #averages: number;
  /** Of the model, in its order. */
  #weights: readonly DeviceTensor[];
  /** Of the optimizer, then the averages. */
  #slots: readonly DeviceTensor[];

  /**
   * Uploads the model's weights and the slots.
   * @param averages how many of the slots, the last ones, are averages of the trained weights
   */
  constructor(device: Device, model: Pick<StudentModel, 'weights'>, slots: readonly Slot[], averages: number) {
    this.#device = device;
    this.#model = model;
    this.#ofSlots = slots;
    this.#averages = averages;
    this.#weights = model.weights.map((weight) => device.upload(weight.read(), weight.shape));
    this.#slots = slots.map(({ shape, values }) => device.upload(values, shape));
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
    return this.#averages === 0 ? this.#weights : this.#withTrained(this.#slots.slice(-this.#averages));
  }

  /** @param frozen the weights that are not trained, after a pass */
  keepFrozen(frozen: readonly DeviceTensor[]): void {
    this.#device.free(this.#weights.filter((_, at) => !this.#isTrained(at)));
    let next = 0;
    this.#weights = this.#weights.map((weight, at) => (this.#isTrained(at) ? weight : (frozen[next++] ?? weight)));
  }

  /** @param results of an update: the trained weights, then all slots */
  update(results: readonly DeviceTensor[]): void {
    const before = this.trained;
    this.#device.free([...before, ...this.#slots]);
    this.#weights = this.#withTrained(results.slice(0, before.length));
    this.#slots = results.slice(before.length);
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
    return { weights: named(this.#weights, this.#model.weights), slots: named(this.#slots, this.#ofSlots) };
  }

  /** @throws StateError when the state is of another model or optimizer; nothing is changed then */
  restore({ weights, slots }: TrainerState): void {
    checkTensors(weights, this.#model.weights);
    checkTensors(slots, this.#ofSlots);
    this.dispose();
    this.#weights = weights.map(({ data, shape }) => this.#device.upload(data, shape));
    this.#slots = slots.map(({ data, shape }) => this.#device.upload(data, shape));
  }

  dispose(): void {
    this.#device.free([...this.#weights, ...this.#slots]);
  }

  #isTrained(at: number): boolean {
    return this.#model.weights[at]?.trainable === true;
  }

  #withTrained(trained: readonly DeviceTensor[]): readonly DeviceTensor[] {
    let next = 0;
    return this.#weights.map((weight, at) => (this.#isTrained(at) ? (trained[next++] ?? weight) : weight));
  }
}
