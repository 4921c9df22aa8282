import type { TrainingMetrics } from '@distillery/protocol';
import { expect, it } from '@jest/globals';

import { Progress } from '../../../workers/student/progress.js';
import { runtimeChange } from '../../../workers/student/runtime-change.js';

const trained = (...runtimes: string[]): TrainingMetrics => {
  const progress = new Progress(100, null);
  runtimes.forEach((runtime, at) => progress.computedBy(runtime, at * 10));
  return progress.metrics;
};

it('says nothing where the same runtime continues, or where none is known', () => {
  expect(runtimeChange(trained('wasm (SIMD, 1 thread)'), 'wasm (SIMD, 1 thread)', 20)).toBeNull();
  expect(runtimeChange(trained(), 'wasm (SIMD, 1 thread)', 20)).toBeNull();
});

it('names both runtimes, the step and what to do', () => {
  expect(runtimeChange(trained('native (TensorFlow 2.21.0, AVX2, 1 thread)'), 'wasm (SIMD, 1 thread)', 20)).toBe(
    'the student continues at step 20 on wasm (SIMD, 1 thread), and native (TensorFlow 2.21.0, AVX2, 1 thread) trained up ' +
      'to there: the weights will differ in their last bits from those of an undisturbed run. Set student.runtime in the job ' +
      'to rule this out.',
  );
});

it('keeps each runtime once in a row, and a bounded number of changes', () => {
  expect(trained('a', 'a', 'b', 'a').computedBy).toEqual([
    { step: 0, runtime: 'a' },
    { step: 20, runtime: 'b' },
    { step: 30, runtime: 'a' },
  ]);
  expect(trained(...Array.from({ length: 50 }, (_, at) => String(at))).computedBy).toHaveLength(20);
  expect(trained().computedBy).toBeUndefined();
});
