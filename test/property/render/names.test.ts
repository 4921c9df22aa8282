/** Whatever jobs and pools are called: no two of them share the name of an object. */
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import {
  inputsName,
  isCredentialsName,
  isTeacherName,
  sharedName,
  studentName,
  teacherName,
} from '../../../src/api/index.js';

/** Words that make names collide more often than chance would. */
const part = fc.constantFrom('a', 'b', 'teacher', 'student', 'distill', 'x1y2z3w4v5', 'long'.repeat(5), '-teacher');
const nameOf = (most: number): fc.Arbitrary<string> =>
  fc
    .array(part, { minLength: 1, maxLength: 6 })
    .map((parts) => parts.join('-').slice(0, most))
    .filter((name) => /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/.test(name));
const pair = fc.record({ job: nameOf(63), pool: nameOf(40) });

describe('names', () => {
  test('of two pools, of one job or of two, are two', () => {
    fc.assert(
      fc.property(pair, pair, ({ job, pool }, other) => {
        fc.pre(job !== other.job || pool !== other.pool);
        expect(teacherName(job, pool)).not.toBe(teacherName(other.job, other.pool));
      }),
      { numRuns: 2_000 },
    );
  });

  test('of two readings of one text are two', () => {
    fc.assert(
      fc.property(fc.array(part, { minLength: 3, maxLength: 7 }), fc.nat(), fc.nat(), (parts, one, other) => {
        const text = parts.join('-teacher-');
        const at = [...text.matchAll(/(?=-teacher-)/g)].map(({ index }) => index);
        const read = (where: number): [string, string] => {
          const cut = at[where % at.length]!;
          return [text.slice(0, cut), text.slice(cut + '-teacher-'.length)];
        };
        fc.pre(at[one % at.length] !== at[other % at.length]);
        expect(teacherName(...read(one))).not.toBe(teacherName(...read(other)));
      }),
    );
  });

  test('fit, are known again, and stay what they were where they can be read one way only', () => {
    fc.assert(
      fc.property(pair, ({ job, pool }) => {
        const name = teacherName(job, pool);
        expect(name).toMatch(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/);
        expect(isTeacherName(name, job, pool)).toBe(true);
        const plain = `${job}-teacher-${pool}`;
        const ways = [...plain.matchAll(/(?=-teacher-)/g)].length;
        if (ways === 1 && plain.length <= 52) expect(name).toBe(plain);
        if (ways > 1) expect(name).not.toBe(plain);
      }),
      { numRuns: 1_000 },
    );
  });

  test('of what two jobs share among their pods are two, and the credentials of any job are known as such', () => {
    const uid = '6f1f0c4e-52a5-4c0b-9a53-6a2f6f2b7d11';
    fc.assert(
      fc.property(nameOf(63), nameOf(63), (job, other) => {
        fc.pre(job !== other);
        expect(sharedName(job)).not.toBe(sharedName(other));
        expect(studentName(job)).not.toBe(studentName(other));
        expect(isCredentialsName(inputsName(other, uid), job)).toBe(true);
        expect(isCredentialsName(sharedName(job), job)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});
