/**
 * The limits of the API bound the work of checking a job, not the size of its text. The tests count visited parts and
 * compared letters, never time.
 */
import { nearest } from '@distillery/base';
import { describe, expect, test } from '@jest/globals';

import { checkJob, type DistillJob, milliAmount, QuantityError, unsupported } from '../../../src/api/index.js';
import { exceeds, jobLimit } from '../../../src/api/schema/size.js';
import { bent } from '../../kit/jobs.js';

/** A deep copy that counts every read of a field. */
function counting<T>(value: T, count: () => void): T {
  if (typeof value !== 'object' || value === null) return value;
  return new Proxy(value, {
    get: (target, name, receiver) => {
      if (typeof name === 'string') count();
      return counting(Reflect.get(target, name, receiver) as object, count);
    },
  });
}

function readsOf(template: object): number {
  let reads = 0;
  const checked = checkJob(bent(['spec.student.template', counting(template, () => (reads += 1))]));
  // If the job as a whole is too large, that is the only problem.
  expect(checked.ok ? [] : checked.problems.map(({ path }) => path.replace(/^$/, 'spec.student.template'))).toEqual([
    'spec.student.template',
  ]);
  return reads;
}

const wide = (size: number): object =>
  Object.fromEntries(Array.from({ length: size }, (_, at) => [`terminationGracePeriod${String(at)}`, 1]));
const hostile: readonly (readonly [string, (size: number) => object])[] = [
  ['fields of a pod', (size) => ({ spec: wide(size) })],
  ['labels', (size) => ({ metadata: { labels: wide(size) } })],
  ['variables', (size) => ({ spec: { containers: [{ env: Array.from({ length: size }, () => ({ nam: '' })) }] } })],
  ['one name', (size) => ({ ['s'.repeat(100 * size)]: 1 })],
  ['one text', (size) => ({ spec: { schedulerName: 's'.repeat(100 * size) } })],
];

describe('a template beyond its limit', () => {
  test.each(hostile)('of many %s is refused with bounded work, however large it is', (_what, make) => {
    for (const size of [2_000, 9_000, 100_000]) {
      expect(readsOf(make(size))).toBeLessThan(3 * jobLimit.values);
    }
  });

  test('in the tenth pool is named, and the rest of the job is still checked', () => {
    const pools = Array.from({ length: 12 }, (_, at) => ({
      name: `p${String(at)}`,
      ...(at === 9 ? { template: wide(2_000) } : {}),
    }));
    const checked = checkJob(bent(['spec.teacher.pools', pools], ['spec.weight', 0]));
    expect(checked.ok ? [] : checked.problems.map(({ path }) => path)).toEqual([
      'spec.teacher.pools[9].template',
      'spec.weight',
    ]);
  });
});

describe('a job beyond every limit', () => {
  test('is refused by one problem', () => {
    const checked = checkJob(bent(['spec.nope', wide(40_000)]));
    expect(checked.ok ? [] : checked.problems.map(({ message }) => message)).toEqual([
      'the document: found a large object, but it holds more than 20000 values or 1000000 characters. Take out what is not needed.',
    ]);
  });

  test('does not count what the API server writes about its fields', () => {
    expect(checkJob(bent(['metadata.managedFields', [{ fieldsV1: wide(40_000) }]])).ok).toBe(true);
  });
});

describe('the size of a value', () => {
  const limit = { values: 3, characters: 10 };
  test.each<readonly [string, unknown, boolean]>([
    ['three fields', { a: 1, b: 2, c: 3 }, false],
    ['four fields', { a: 1, b: 2, c: 3, d: 4 }, true],
    ['four entries in all', [[1], [2]], true],
    ['ten letters', { aaaaa: 'bbbbb' }, false],
    ['eleven letters', { aaaaa: 'bbbbbb' }, true],
    ['a text alone', 'x'.repeat(11), true],
    ['nothing', undefined, false],
  ])('counts %s', (_what, value, exceeding) => {
    expect(exceeds(value, limit)).toBe(exceeding);
  });
});

describe('the search for the name that was meant', () => {
  const names = ['nodeSelector', 'tolerations', 'terminationGracePeriodSeconds'];
  function cellsOf(word: string): number {
    let cells = 0;
    nearest(word, names, () => (cells += 1));
    return cells;
  }

  test('compares with each name at most one and a half times its length', () => {
    const most = names.reduce((sum, { length }) => sum + length * Math.ceil(1.5 * length), 0);
    const counts = Array.from({ length: 200 }, (_, length) => cellsOf('t'.repeat(length)));
    expect(Math.max(...counts)).toBeGreaterThan(0);
    expect(Math.max(...counts)).toBeLessThanOrEqual(most);
  });

  test('compares nothing with a word that is far longer than every name', () => {
    expect(cellsOf('t'.repeat(1_000_000))).toBe(0);
  });
});

describe('an amount', () => {
  test('with a million digits is invalid', () => {
    expect(() => milliAmount(`${'1'.repeat(1_000_000)}!`)).toThrow(QuantityError);
  });
});

describe('what an engine cannot run', () => {
  test('is checked once for a spec, also when the status changes', () => {
    const checked = checkJob(bent(['spec.training.order', 'Relaxed']));
    const { job } = checked as { readonly job: DistillJob };
    const problems = unsupported(job, 'cluster');
    expect(problems).not.toEqual([]);
    expect(unsupported({ ...job, status: { attempts: 1 } }, 'cluster')).toBe(problems);
    expect(unsupported({ ...job, spec: { ...job.spec } }, 'cluster')).not.toBe(problems);
    expect(unsupported(job, 'local')).not.toBe(problems);
  });
});
