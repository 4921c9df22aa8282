/** What a state on a device keeps, exports and frees, on a device that is a table of arrays. */
import { describe, expect, it } from '@jest/globals';

import { DeviceState } from '../../../workers/models/device-state.js';
import type { Device, DeviceTensor } from '../../../workers/models/device.js';
import type { Slot } from '../../../workers/models/optimizer.js';
import type { ModelWeight } from '../../../workers/models/student-model.js';

class Table implements Pick<Device, 'upload' | 'variable' | 'read' | 'free'> {
  readonly held = new Map<number, Float32Array>();
  readonly #variables = new Set<number>();
  #next = 0;

  upload(values: Float32Array | Int32Array, shape: readonly number[]): DeviceTensor {
    const id = this.#next++;
    this.held.set(id, Float32Array.from(values));
    return { id, shape };
  }

  variable(values: Float32Array, shape: readonly number[]): DeviceTensor {
    const tensor = this.upload(values, shape);
    this.#variables.add(tensor.id);
    return tensor;
  }

  /** As an update does. */
  change(tensors: readonly DeviceTensor[], values: readonly number[]): void {
    tensors.forEach(({ id }, at) => {
      if (!this.#variables.has(id)) throw new Error('an update of what is no variable');
      this.held.set(id, Float32Array.of(values[at] ?? NaN));
    });
  }

  read({ id }: DeviceTensor): Float32Array {
    const values = this.held.get(id);
    if (values === undefined) throw new Error('a tensor that was freed');
    return values.slice();
  }

  free(tensors: readonly DeviceTensor[]): void {
    for (const { id } of tensors) if (!this.held.delete(id)) throw new Error('freed twice');
  }
}

const slot = (name: string, value: number): Slot => ({ name, shape: [1], values: Float32Array.of(value) });
const weight = (name: string, trainable: boolean): ModelWeight =>
  ({ name, shape: [1], trainable, read: () => Float32Array.of(1) }) as unknown as ModelWeight;

/** Two trained weights around a frozen one, a momentum for each, and averages where they are asked for. */
function stateOn(table: Table, averaged: boolean): DeviceState {
  const averages = averaged ? [slot('average/a', 10), slot('average/c', 30)] : [];
  return new DeviceState(
    table as unknown as Device,
    { weights: [weight('a', true), weight('frozen', false), weight('c', true)] },
    {
      own: [slot('momentum/a', 0), slot('momentum/c', 0), ...averages],
      averages: averages.length,
      kept: ['a', 'frozen', 'c'].map((name) => slot(`kept/${name}`, 0)),
    },
  );
}

describe('a state on a device', () => {
  it.each([
    { averaged: false, later: [5, 6, 0, 0], best: [1, 1, 1] },
    { averaged: true, later: [5, 6, 0, 0, 50, 60], best: [10, 1, 30] },
  ])('exports the weights that it kept, with averages: $averaged', ({ averaged, later, best }) => {
    const table = new Table();
    const state = stateOn(table, averaged);
    const held = table.held.size;
    const exported = (): number[] => state.exported.map((tensor) => table.read(tensor)[0] ?? NaN);
    state.keep();
    table.change([...state.trained, ...state.slots], later);
    expect(exported()).toEqual(averaged ? [50, 1, 60] : [5, 1, 6]);
    const other = stateOn(table, averaged);
    other.restore(state.read());
    other.useKept();
    expect(other.exported.map((tensor) => table.read(tensor)[0])).toEqual(best);
    other.dispose();
    state.useKept();
    expect(exported()).toEqual(best);
    table.change([...state.trained, ...state.slots], later);
    expect(exported()).toEqual(averaged ? [50, 1, 60] : [5, 1, 6]);
    expect(
      state
        .read()
        .slots.slice(-3)
        .map(({ name }) => name),
    ).toEqual(['kept/a', 'kept/frozen', 'kept/c']);
    expect(table.held.size).toBe(held);
    state.dispose();
    expect(table.held.size).toBe(0);
  });
});
