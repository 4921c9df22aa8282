/** Reading an object store by direct gets: what is whole comes back, what is not is a fault. */
import { describe, expect, test } from '@jest/globals';

import {
  listObjectEntries,
  type NextPiece,
  objectDigest,
  type ObjectEntry,
  objectEntrySubject,
  ObjectFault,
  objectPieces,
  objectPiecesSubject,
  readObjectEntry,
} from '../../../src/protocol/index.js';

const bucket = 'B';
const entry: ObjectEntry = { name: 'result/ä', bucket, nuid: 'N', size: 5, chunks: 2, digest: 'SHA-256=x' };
const utf8 = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value));

/** A stream of these messages, in this order. */
function streamOf(...messages: readonly (readonly [subject: string, data: Uint8Array])[]): NextPiece {
  return (subject, from) => {
    const prefix = subject.endsWith('>') ? subject.slice(0, -1) : undefined;
    const fits = (each: string): boolean => (prefix === undefined ? each === subject : each.startsWith(prefix));
    const at = messages.findIndex(([each], index) => index + 1 >= from && fits(each));
    const data = messages[at]?.[1];
    return Promise.resolve(data === undefined ? null : { seq: at + 1, data });
  };
}

async function contentOf(next: NextPiece, wanted = entry): Promise<number[]> {
  const bytes: number[] = [];
  for await (const piece of objectPieces(wanted, next)) bytes.push(...piece);
  return bytes;
}

test('names are those of the NATS clients', () => {
  expect(objectPiecesSubject(bucket, 'N')).toBe('$O.B.C.N');
  // base64url with padding, of UTF-8.
  expect(objectEntrySubject(bucket, 'result/ä')).toBe('$O.B.M.cmVzdWx0L8Ok');
  expect(objectEntrySubject(bucket, '~~~?')).toBe('$O.B.M.fn5-Pw==');
  expect(objectDigest(Uint8Array.of(251, 255))).toBe('SHA-256=-_8=');
});

test('entries are listed in their order; deleted ones and what is none are left out', async () => {
  const next = streamOf(
    ['$O.B.M.a', utf8({ ...entry, name: 'a' })],
    ['$O.B.C.N', Uint8Array.of(1)],
    ['$O.B.M.b', utf8({ ...entry, name: 'b', deleted: true })],
    ['$O.B.M.c', Uint8Array.of(0xff)],
    ['$O.B.M.d', utf8({ name: 'd' })],
    ['$O.B.M.e', utf8({ ...entry, name: 'e', deleted: false, mtime: 'of a client' })],
  );
  expect((await listObjectEntries(bucket, next)).map(({ name }) => name)).toEqual(['a', 'e']);
  expect(readObjectEntry(utf8(entry))).toEqual(entry);
});

describe('the pieces of an object', () => {
  const pieces = objectPiecesSubject(bucket, 'N');

  test('come in order, those of others between them', async () => {
    const other = objectPiecesSubject(bucket, 'M');
    const next = streamOf([pieces, Uint8Array.of(1, 2)], [other, Uint8Array.of(9)], [pieces, Uint8Array.of(3, 4, 5)]);
    expect(await contentOf(next)).toEqual([1, 2, 3, 4, 5]);
    expect(await contentOf(streamOf(), { ...entry, size: 0, chunks: 0 })).toEqual([]);
  });

  test.each([
    ['missing', streamOf([pieces, Uint8Array.of(1, 2)]), 'found 1 pieces, expected 2'],
    ['too short', streamOf([pieces, Uint8Array.of(1)], [pieces, Uint8Array.of(2)]), 'found 2 bytes, expected 5'],
    ['too long', streamOf([pieces, new Uint8Array(6)]), 'found more than the 5 bytes that its entry names'],
  ])('that are %s are a fault', async (_, next, sentence) => {
    await expect(contentOf(next)).rejects.toThrow(new ObjectFault(sentence));
  });
});
