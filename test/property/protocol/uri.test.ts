/** The grammar of uris over generated texts: one place each, the same for every reader. */
import { readStudentModelUri, readUri, type Uri, uriText } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';

import { checkJob, claimPlace } from '../../../src/api/index.js';
import { uriInPod } from '../../../src/render/mounts.js';
import { resolve } from '../../../workers/places/index.js';
import { bent } from '../../kit/jobs.js';

/** Names as a disk takes them: every character but those that no path or message can carry. */
const segment = fc
  .string({
    unit: fc.oneof(fc.constantFrom(...Array.from('#?%: \\.@é~ab2EF')), fc.string({ unit: 'grapheme', maxLength: 1 })),
  })
  .filter((name) => !/[\p{Cc}/]/u.test(name) && !['', '.', '..'].includes(name) && name.isWellFormed());
const path = fc.array(segment, { minLength: 1, maxLength: 4 }).map((segments) => segments.join('/'));

describe('a path', () => {
  test('written as a uri and read again is the same, whatever its names', () => {
    fc.assert(
      fc.property(path, (name) => {
        const places: readonly Uri[] = [
          { scheme: 'file', path: `/${name}` },
          { scheme: 'file', path: name },
          { scheme: 'pvc', claim: 'data', path: name },
          { scheme: 'package', name: '@a/b', path: name },
          { scheme: 'https', host: 'h:1', path: name, sha256: null },
          { scheme: 'https', host: '[::1]', path: name, sha256: 'a0'.repeat(32) },
          { scheme: 's3', bucket: 'sets', path: `${name}/`, sha256: null },
        ];
        for (const place of places) expect(readUri(uriText(place))).toEqual({ ok: true, value: place });
      }),
    );
  });

  test('in a claim is the path below the mount that workers open', async () => {
    await fc.assert(
      fc.asyncProperty(path, async (name) => {
        const uri = uriText({ scheme: 'pvc', claim: 'data', path: name });
        expect(claimPlace(uri)).toEqual({ claim: 'data', path: name });
        expect((await resolve(uriInPod(uri))).path).toBe(`/mnt/pvc/data/${name}`);
      }),
    );
  });
});

describe('any text', () => {
  const scheme = fc.constantFrom(
    ...['file://', 'FILE:///', 'package://', 'pvc://', 'Pvc://a/', 'configmap://a/', 's3://', 'S3://ab/', 'https://'],
    'Https://H:1/',
  );
  const rest = fc.string({ unit: fc.constantFrom(...Array.from('ab/.%2E#? \\:é\u009b\n@~')), maxLength: 12 });
  const pin = fc.oneof({ arbitrary: fc.constant(''), weight: 4 }, fc.constantFrom('#', `#sha256=${'0a'.repeat(32)}`));
  const text = fc.tuple(scheme, rest, pin).map((parts) => parts.join(''));

  test('is a uri for validation exactly when it is one for workers', () => {
    fc.assert(
      fc.property(text, (uri) => {
        const checked = checkJob(bent(['spec.student.model.uri', uri]));
        expect(checked.ok).toBe(readUri(uri).ok);
      }),
      { numRuns: 400 },
    );
  });

  test('that begins as a preset is one by the rules of the CRD exactly when it is one for workers', () => {
    const parameters = fc.string({ unit: fc.constantFrom(...Array.from('abZ09=&?,.-%#/ \u00e9')), maxLength: 12 });
    const preset = fc.tuple(fc.constantFrom('preset://', 'PRESET://mlp', 'preset://mlp?'), parameters);
    const isOne = (uri: string): boolean => {
      const checked = checkJob(bent(['spec.student.model.uri', uri]));
      // The form is the CRD's; names and values are checked beyond it.
      return checked.ok || checked.problems.every(({ message }) => message.includes(': preset '));
    };
    fc.assert(
      fc.property(preset, ([start, rest]) => {
        expect(isOne(`${start}${rest}`)).toBe(readStudentModelUri(`${start}${rest}`).ok);
      }),
      { numRuns: 400 },
    );
  });

  test('that is accepted for a claim or package stays inside it', () => {
    fc.assert(
      fc.property(text, (uri) => {
        const read = readUri(uri);
        if (!read.ok || (read.value.scheme !== 'pvc' && read.value.scheme !== 'package')) return;
        expect(read.value.path.split('/')).not.toContain('..');
      }),
      { numRuns: 400 },
    );
  });
});
