/** JSON messages and names over random content. */
import { readFileSync } from 'node:fs';

import {
  deadItemSchema,
  decodeWorkItem,
  encodeWorkItem,
  jobNames,
  ManifestError,
  missingFeatures,
  NameError,
  parseManifest,
  referenceSchema,
  WorkItemError,
  writtenManifestSchema,
} from '@distillery/protocol';
import type { JobNames } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { manifestWith } from '../../kit/worker-fakes.js';
import { anyCharacter } from '../../kit/characters.js';

const vectorFile = new URL('../../../packages/protocol/vectors/messages.json', import.meta.url);
const messages = JSON.parse(readFileSync(vectorFile, 'utf8')) as Record<'reference' | 'dead', object>;

const uint32 = fc.integer({ min: 0, max: 0xffff_ffff });
const items = fc.record({
  step: fc.maxSafeNat(),
  shard: fc.maxSafeNat(),
  firstRow: uint32,
  indices: fc.array(uint32, { minLength: 1, maxLength: 50 }),
  augmentSeed: uint32,
});

/** No feature of this or a later release has such a name. */
const featureNames = fc.uniqueArray(
  fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9.-]{0,20}$/).map((name) => `test.${name}`),
  { minLength: 1, maxLength: 8 },
);
/** Optional fields of some message, which are not unknown. */
const optionalNames = ['requires', 'layout', 'mean', 'std', 'folder'];
const unknownFields = fc.dictionary(
  fc.string().filter((name) => ![...optionalNames, '__proto__'].includes(name)),
  fc.jsonValue(),
);

/** `value` with `unknown` beside the known fields of each object in it. */
function grown(value: unknown, unknown: object): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  const fields = Object.entries(value).map(([name, field]) => [name, grown(field, unknown)]);
  return { ...unknown, ...Object.fromEntries(fields) };
}

function thrownBy(call: () => unknown): unknown {
  try {
    call();
  } catch (error) {
    return error;
  }
  throw new Error('expected a throw');
}

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

  test('is read whatever unknown fields it has', () => {
    fc.assert(
      fc.property(items, unknownFields, (item, unknown) => {
        const { version, ...known } = decodeWorkItem(encodeWorkItem({ ...unknown, ...item }));
        expect([version, known]).toEqual([1, item]);
      }),
    );
  });

  test('that requires an unknown feature is refused by its name, whatever else is in it', () => {
    fc.assert(
      fc.property(items, fc.dictionary(fc.string(), fc.jsonValue()), featureNames, (item, changes, requires) => {
        const text = JSON.stringify({ version: 1, ...item, ...changes, requires });
        const error = thrownBy(() => decodeWorkItem(new TextEncoder().encode(text)));
        expect(error).toBeInstanceOf(WorkItemError);
        expect(error).toMatchObject({ field: 'requires' });
        for (const feature of requires) expect((error as WorkItemError).message).toContain(feature);
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
  test('is read whatever unknown fields it has, at any depth', () => {
    fc.assert(
      fc.property(unknownFields, (unknown) => {
        const manifest = manifestWith();
        expect(parseManifest(JSON.stringify(grown(manifest, unknown)))).toEqual(manifest);
      }),
    );
  });

  test('that requires an unknown feature is refused by its name, whatever else is in it', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), featureNames, (changes, requires) => {
        const error = thrownBy(() => parseManifest(JSON.stringify({ ...manifestWith(), ...changes, requires })));
        expect(error).toBeInstanceOf(ManifestError);
        expect(error).toMatchObject({ field: 'requires' });
        for (const feature of requires) expect((error as ManifestError).message).toContain(feature);
      }),
    );
  });

  test('written by this release has no unknown field', () => {
    fc.assert(
      fc.property(unknownFields, (unknown) => {
        fc.pre(Object.keys(unknown).length > 0);
        expect(writtenManifestSchema.safeParse(grown(manifestWith(), unknown)).success).toBe(false);
      }),
    );
  });

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

describe.each<[string, { safeParse(value: unknown): { readonly success: boolean; readonly data?: unknown } }, object]>([
  ['a reference', referenceSchema, messages.reference],
  ['a dead item', deadItemSchema, messages.dead],
])('%s', (_what, schema, message) => {
  test('is read whatever unknown fields it has', () => {
    fc.assert(
      fc.property(unknownFields, (unknown) => {
        expect(schema.safeParse({ ...unknown, ...message })).toEqual({ success: true, data: message });
      }),
    );
  });

  test('that requires an unknown feature is refused by its name', () => {
    fc.assert(
      fc.property(featureNames, (requires) => {
        const parsed = schema.safeParse({ ...message, requires });
        expect(parsed.success).toBe(false);
        expect(missingFeatures({ ...message, requires })).toEqual(requires);
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
      fc.property(fc.string({ unit: anyCharacter }), (uid) => {
        fc.pre(!/^[A-Za-z0-9-]{1,63}$/.test(uid));
        expect(() => jobNames(uid)).toThrow(NameError);
      }),
    );
  });
});
