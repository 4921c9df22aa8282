/** Reading an object store by direct gets: what is whole comes back, what is not is a fault. */
import {
  listObjectEntries,
  maxObjects,
  type NextPiece,
  objectDigest,
  type ObjectEntry,
  objectEntrySubject,
  ObjectFault,
  objectPieces,
  objectPiecesSubject,
  readObjectEntry,
  wholeObject,
} from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

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
    return Promise.resolve(data === undefined ? null : { seq: at + 1, subject: messages[at]![0], data });
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

const at = (name: string): string => objectEntrySubject(bucket, name);
const namesIn = async (...messages: readonly (readonly [string, Uint8Array])[]): Promise<string[]> =>
  (await listObjectEntries(bucket, streamOf(...messages))).map(({ name }) => name);

test('entries are listed in their order; deleted ones and what is none are left out', async () => {
  const names = await namesIn(
    [at('a'), utf8({ ...entry, name: 'a' })],
    ['$O.B.C.N', Uint8Array.of(1)],
    [at('b'), utf8({ ...entry, name: 'b', deleted: true })],
    [at('c'), Uint8Array.of(0xff)],
    [at('d'), utf8({ name: 'd' })],
    [at('e'), utf8({ ...entry, name: 'e', deleted: false, mtime: 'of a client' })],
  );
  expect(names).toEqual(['a', 'e']);
  expect(readObjectEntry(bucket, { seq: 1, subject: at(entry.name), data: utf8(entry) })).toEqual(entry);
});

test('a name is listed once, by its newest entry', async () => {
  const entries = await listObjectEntries(
    bucket,
    streamOf(
      [at('a'), utf8({ ...entry, name: 'a', nuid: 'old' })],
      [at('b'), utf8({ ...entry, name: 'b' })],
      [at('c'), utf8({ ...entry, name: 'c' })],
      [at('a'), utf8({ ...entry, name: 'a', nuid: 'new' })],
      [at('b'), utf8({ ...entry, name: 'b', deleted: true })],
    ),
  );
  expect(entries.map(({ name, nuid }) => `${name} ${nuid}`)).toEqual(['c N', 'a new']);
});

test.each<[string, object]>([
  ['of another name than its subject', { name: 'result/b' }],
  ['of another bucket', { bucket: 'OTHER' }],
  ['whose pieces would be those of every object', { nuid: '*' }],
  ['whose pieces would lie in another subject', { nuid: 'a.b' }],
  ['of more pieces than bytes', { chunks: 6 }],
  ['of bytes without pieces', { chunks: 0 }],
  ['of a negative size', { size: -1 }],
  ['of half a byte', { size: 5.5 }],
  ['of a size beyond what numbers count', { size: 2 ** 60 }],
  ['of an endless name', { name: 'n'.repeat(2_000) }],
  ['of an endless digest', { digest: 'd'.repeat(2_000) }],
])('an entry %s counts for nothing', async (_, change) => {
  const forged = utf8({ ...entry, ...change });
  expect(await namesIn([at(entry.name), forged])).toEqual([]);
  expect(readObjectEntry(bucket, { seq: 1, subject: at(entry.name), data: forged })).toBeNull();
});

test('a bucket of more objects than a job has is a fault', async () => {
  let sequence = 0;
  const endless: NextPiece = () => {
    const name = String(++sequence);
    return Promise.resolve({ seq: sequence, subject: at(name), data: utf8({ ...entry, name }) });
  };
  await expect(listObjectEntries(bucket, endless)).rejects.toThrow(ObjectFault);
  expect(sequence).toBe(maxObjects + 1);
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
    ['empty', streamOf([pieces, new Uint8Array(0)]), 'found an empty piece'],
    ['too long', streamOf([pieces, new Uint8Array(6)]), 'found more than the 5 bytes that its entry names'],
  ])('that are %s are a fault', async (_, next, sentence) => {
    await expect(contentOf(next)).rejects.toThrow(ObjectFault);
    await expect(contentOf(next)).rejects.toThrow(sentence);
  });

  test('take no memory for a size that only the entry names', async () => {
    const claimed = { ...entry, size: 2 ** 50, chunks: 2 ** 40 };
    await expect(wholeObject(claimed, streamOf([pieces, Uint8Array.of(1)]))).rejects.toThrow(
      new ObjectFault({ about: '', found: '1 pieces', expected: String(2 ** 40), remedy: '' }),
    );
    const two = streamOf([pieces, Uint8Array.of(1, 2)], [pieces, Uint8Array.of(3, 4, 5)]);
    expect([...(await wholeObject(entry, two))]).toEqual([1, 2, 3, 4, 5]);
  });
});
