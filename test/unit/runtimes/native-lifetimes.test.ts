/** When the results of a recorded run may be freed. */
import { describe, expect, it } from '@jest/globals';

import { lifetimesOf, Releases } from '../../../workers/runtimes/native/lifetimes.js';
import type { RecordedOp } from '../../../workers/runtimes/native/simplify.js';

const op = (name: string, inputs: readonly number[], outputs: readonly number[]): RecordedOp => ({
  op: name,
  attributes: [],
  inputs,
  outputs: outputs.map((id) => ({ id, dtype: 1, shape: [2] })),
});

/** From inputs 1 and 2: a product, its square twice, two halves of which one is not used, and their sum. */
const run = (product: number): RecordedOp[] => [
  op('MatMul', [1, 2], [product]),
  op('Mul', [product, product], [product + 1]),
  op('Split', [product + 1], [product + 2, product + 3]),
  op('Add', [product + 2, product], [product + 4]),
];
const freed = (releases: Releases, ops: readonly RecordedOp[]): (readonly number[])[] =>
  ops.map((each) => releases.after(each));

describe('the lifetimes of results', () => {
  it('end with the op that uses one last, or makes one that nothing uses', () => {
    const releases = new Releases(lifetimesOf(run(10), [14]));
    expect(freed(releases, run(100))).toEqual([[], [], [101, 103], [100, 102]]);
  });

  it('never end for what the function returns, also where ops use it', () => {
    const releases = new Releases(lifetimesOf(run(10), [10, 13, 14]));
    expect(freed(releases, run(100))).toEqual([[], [], [101], [102]]);
  });

  it.each([
    ['another op', (ops: RecordedOp[]) => ops.splice(1, 1, op('Square', [100], [101]))],
    ['another input', (ops: RecordedOp[]) => ops.splice(1, 1, op('Mul', [100, 1], [101]))],
    ['one result less', (ops: RecordedOp[]) => ops.splice(2, 1, op('Split', [101], [102]))],
    ['an op more', (ops: RecordedOp[]) => ops.splice(1, 0, op('Cast', [100], [90]))],
  ])('are let be after %s', (_, change) => {
    const ops = run(100);
    change(ops);
    const releases = new Releases(lifetimesOf(run(10), [14]));
    const at = ops.findIndex((each, index) => JSON.stringify(each) !== JSON.stringify(run(100)[index]));
    expect(freed(releases, ops).slice(at).flat()).toEqual([]);
  });

  it('are let be after the end of the known run', () => {
    const releases = new Releases(lifetimesOf(run(10), [14]));
    expect(freed(releases, [...run(100), op('Neg', [104], [105])]).at(-1)).toEqual([]);
  });
});
