/** JSON messages and names over random content. */
import {
  decodeWorkItem,
  encodeWorkItem,
  jobNames,
  ManifestError,
  NameError,
  parseManifest,
  WorkItemError,
} from '@distillery/protocol';
import type { JobNames } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const items = fc.record({
  step: fc.maxSafeNat(),
  shard: fc.maxSafeNat(),
  firstRow: uint32,
  indices: fc.array(uint32, { minLength: 1, maxLength: 50 }),
  augmentSeed: uint32,
});

describe('a work item', () => {
  test('comes back as written', () => {
    fc.assert(
      fc.property(items, (item) => expect(decodeWorkItem(encodeWorkItem(item))).toEqual({ version: 1, ...item })),
    );
  });

  test('with any byte changed, or of any bytes, is an item or a WorkItemError', () => {
    const survives = (bytes: Uint8Array): void => {
      try {
        decodeWorkItem(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(WorkItemError);
      }
    };
    fc.assert(
      fc.property(items, fc.nat(), fc.integer({ min: 0, max: 255 }), fc.uint8Array(), (item, at, value, garbage) => {
        const bytes = encodeWorkItem(item);
        bytes[at % bytes.length] = value;
        survives(bytes);
        survives(bytes.subarray(0, at % bytes.length));
        survives(garbage);
      }),
    );
  });

  test('of any other JSON is a WorkItemError', () => {
    fc.assert(
      fc.property(fc.json(), (text) => {
        expect(() => decodeWorkItem(new TextEncoder().encode(text))).toThrow(WorkItemError);
      }),
    );
  });
});

describe('a manifest', () => {
  test('of any text is a ManifestError with a field', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), (text) => {
        try {
          parseManifest(text);
        } catch (error) {
          expect(error).toBeInstanceOf(ManifestError);
          expect((error as ManifestError).field).not.toBe('');
          return;
        }
        throw new Error('expected a ManifestError');
      }),
    );
  });
});

/** Whether a NATS subject pattern takes a subject. */
function matches(pattern: string, subject: string): boolean {
  const tokens = subject.split('.');
  const wanted = pattern.split('.');
  for (const [at, token] of wanted.entries()) {
    if (token === '>') return tokens.length > at;
    if (tokens[at] === undefined || (token !== '*' && token !== tokens[at])) return false;
  }
  return tokens.length === wanted.length;
}

describe('names', () => {
  const uids = fc.stringMatching(/^[A-Za-z0-9-]{1,63}$/);
  const namesOf = ({ streams, stateBucket, teacherBucket, objectBucket, inboxPrefix }: JobNames): string[] => [
    ...Object.values(streams),
    stateBucket,
    teacherBucket,
    objectBucket,
    inboxPrefix('teacher'),
    inboxPrefix('student'),
    inboxPrefix('operator'),
  ];

  test('of two jobs never meet: no name is shared and no pattern takes the other job’s subject', () => {
    fc.assert(
      fc.property(uids, uids, fc.nat(), fc.nat(), (one, other, shard, step) => {
        fc.pre(one !== other);
        const [mine, theirs] = [jobNames(one), jobNames(other)];
        expect(namesOf(mine).filter((name) => namesOf(theirs).includes(name))).toEqual([]);
        const subjects = [theirs.subjects.work, theirs.subjects.logits, theirs.subjects.dead].map((of) =>
          of(shard, step),
        );
        for (const pattern of [mine.subjects.allWork, mine.subjects.allLogits, mine.subjects.allDead]) {
          for (const subject of subjects) expect(matches(pattern, subject)).toBe(false);
        }
        const own = [mine.subjects.work, mine.subjects.logits, mine.subjects.dead].map((of) => of(shard, step));
        const patterns = [mine.subjects.allWork, mine.subjects.allLogits, mine.subjects.allDead];
        expect(patterns.map((pattern) => own.filter((subject) => matches(pattern, subject)))).toEqual(
          own.map((s) => [s]),
        );
      }),
    );
  });

  test('of any string that could leave its token are refused', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (uid) => {
        fc.pre(!/^[A-Za-z0-9-]{1,63}$/.test(uid));
        expect(() => jobNames(uid)).toThrow(NameError);
      }),
    );
  });
});
