/** Adam by TensorFlow's kernel: the formula, at no cost for the tensors that it reads. */
import { beforeAll, describe, expect, it } from '@jest/globals';
import * as tf from '@tensorflow/tfjs-core';

import type { FusedAdam } from '../../../workers/models/training.js';
import { nativeDevice } from '../../../workers/runtimes/native/device.js';
import { startNative } from '../../../workers/runtimes/native/start.js';
import { builtNative } from '../../kit/native.js';
import { nativeTensors } from '../../kit/native-tensors.js';

const folder = builtNative();

(folder === null ? describe.skip : describe)('the fused update of the runtime native', () => {
  // The kernel takes 1 − β of the β in float32.
  const [beta1, beta2] = [Math.fround(0.9), Math.fround(0.999)];
  const [rate, epsilon] = [0.01, 1e-7];
  const gradient = [0.5, -2, 0, 1e-9, 3e4, -1e-3, 0.25, 7, -0.125];
  let adam: FusedAdam | undefined;
  let device: ReturnType<typeof nativeDevice>;
  beforeAll(async () => {
    device = nativeDevice(await startNative({ folder, threads: 1, instructionSet: null }));
    adam = device.adam;
  });
  const given = (): Record<'weight' | 'gradient' | 'm' | 'v', tf.Tensor> => ({
    weight: tf.tensor(gradient.map((_, at) => at / 4)),
    gradient: tf.tensor(gradient),
    m: tf.tensor(gradient.map((_, at) => 0.1 * at - 0.3)),
    v: tf.tensor(gradient.map((_, at) => 0.01 * at)),
  });
  const scalars = () => ({
    rate: tf.scalar(rate),
    epsilon: tf.scalar(epsilon),
    beta1: tf.scalar(beta1),
    beta2: tf.scalar(beta2),
  });

  it('computes the formula, and leaves what it reads as it was', () => {
    const before = nativeTensors();
    tf.tidy(() => {
      const step = { ...given(), ...scalars() };
      const results = adam?.(step);
      gradient.forEach((g, at) => {
        const m = beta1 * (0.1 * at - 0.3) + (1 - beta1) * g;
        const v = beta2 * 0.01 * at + (1 - beta2) * g * g;
        const want = { m, v, weight: at / 4 - (rate * m) / (Math.sqrt(v) + epsilon) };
        for (const name of ['weight', 'm', 'v'] as const) {
          const found = results?.[name].dataSync()[at] ?? NaN;
          expect(Math.abs(found - want[name])).toBeLessThanOrEqual(1e-6 * Math.max(1, Math.abs(want[name])));
        }
      });
      const fresh = given();
      for (const name of ['weight', 'gradient', 'm', 'v'] as const) {
        expect([...step[name].dataSync()]).toEqual([...fresh[name].dataSync()]);
      }
    });
    expect(nativeTensors()).toBe(before);
  });

  it('gives the same bits in a program of several weights, again and again', () => {
    const first = given();
    const second = { ...given(), gradient: tf.neg(given().gradient) };
    const shared = scalars();
    const ordered = [first, second].flatMap(({ weight, gradient, m, v }) => [weight, gradient, m, v]);
    const body = (): tf.Tensor[] =>
      [first, second].flatMap((each) => {
        const result = adam?.({ ...each, ...shared });
        return result === undefined ? [] : [result.weight, result.m, result.v];
      });
    const program = device.record({ inputs: [...ordered, ...Object.values(shared)], body });
    const inputs = [...ordered, ...Object.values(shared)].map((tensor) => device.of(tensor));
    const run = (): number[][] => {
      const results = program.run(inputs);
      const values = results.map((each) => [...device.read(each)]);
      device.free(results);
      return values;
    };
    const want = tf.tidy(() => body().map((tensor) => [...tensor.dataSync()]));
    expect(run()).toEqual(want);
    expect(run()).toEqual(want);
    expect(want[0]).not.toEqual(want[3]);
    program.dispose();
  });

  it('changes variables in place, to the same bits; what else reads them in the program sees the former values', () => {
    const step = { ...given(), ...scalars() };
    const { weight, m, v } = step;
    const states = [weight, m, v];
    // Decoupled weight decay: the former weight, and the one that the kernel leaves.
    const body = (): tf.Tensor[] => {
      const moved = adam?.(step);
      if (moved === undefined) return [];
      return [tf.sub(moved.weight, tf.mul(weight, 0.5)), moved.m, moved.v, tf.mul(weight, 2), moved.weight];
    };
    const want = tf.tidy(() => body().map((tensor) => [...tensor.dataSync()]));
    const inputs = Object.values(step);
    const program = device.record({ inputs, variables: states, assigned: states, body });
    const held = states.map((tensor) => device.variable(tensor.dataSync<'float32'>(), tensor.shape));
    const run = (): number[][] => {
      const byState = new Map(states.map((tensor, at) => [tensor, held[at]]));
      const results = program.run(inputs.map((tensor) => byState.get(tensor) ?? device.of(tensor)));
      const values = [...held, ...results].map((each) => [...device.read(each)]);
      device.free(results);
      return values;
    };
    const before = nativeTensors();
    const first = run();
    expect(first).toEqual(want);
    // The second run starts from the values of the first.
    const second = run();
    expect(second[3]).toEqual(first[0]?.map((value) => value * 2));
    expect(nativeTensors()).toBe(before);
    device.free(held);
    program.dispose();
  });

  it('keeps little while a function is recorded that was recorded for few samples before', () => {
    const counts: number[] = [];
    const chain = (x: tf.Tensor) => (): tf.Tensor[] => {
      let y = x;
      for (let at = 0; at < 20; at++) y = tf.relu(tf.add(y, at - 10));
      counts.push(nativeTensors());
      return [y];
    };
    const [few, many] = [tf.tensor([1, -2]), tf.tensor([1, -2, 3, -4])];
    const small = device.record({ inputs: [few], body: chain(few) });
    const large = device.record({ inputs: [many], body: chain(many), like: small });
    const without = device.record({ inputs: [many], body: chain(many) });
    expect((counts[2] ?? 0) - (counts[1] ?? 0)).toBeGreaterThanOrEqual(38);
    const [left, right] = [large, without].map((program) =>
      program.run([device.of(many)]).map((each) => device.read(each)),
    );
    expect(left).toEqual(right);
    for (const program of [small, large, without]) program.dispose();
  });

  it('gives a variable a new value that no kernel makes in place, and leaves the others', () => {
    const [a, b] = [tf.tensor([1, 2]), tf.tensor([10, 20])];
    const program = device.record({
      inputs: [a, b],
      variables: [a, b],
      assigned: [a],
      body: () => [tf.add(a, b), tf.add(a, 0)],
    });
    const held = [device.variable(Float32Array.of(1, 2), [2]), device.variable(Float32Array.of(10, 20), [2])];
    const former = [1, 2].flatMap(() => program.run(held)).map((each) => [...device.read(each)]);
    expect(former).toEqual([
      [1, 2],
      [11, 22],
    ]);
    expect(held.map((each) => [...device.read(each)])).toEqual([
      [21, 42],
      [10, 20],
    ]);
    device.free(held);
    program.dispose();
  });
});
