/** Objects are given whole and with the digest of their entry, or not at all. */
import { checkedObject, checkedPieces, digestOf, isSound } from '@distillery/nats';
import { type ObjectEntry, ObjectFault, objectPiecesSubject, type StoredPiece } from '@distillery/protocol';
import { describe, expect, test } from '@jest/globals';

const pieces = [Uint8Array.of(1, 2), Uint8Array.of(3)];
const whole = Uint8Array.of(1, 2, 3);
const entry: ObjectEntry = { name: 'x', bucket: 'B', nuid: 'N', size: 3, chunks: 2, digest: digestOf(whole) };

function stored(all: readonly Uint8Array[]): (subject: string, from: number) => Promise<StoredPiece | null> {
  const messages = all.map((data, at) => ({ seq: at + 1, subject: objectPiecesSubject('B', 'N'), data }));
  return (subject, from) => Promise.resolve(messages.find((one) => one.subject === subject && one.seq >= from) ?? null);
}

async function collected(all: AsyncIterable<Uint8Array>): Promise<Uint8Array[]> {
  const found: Uint8Array[] = [];
  for await (const one of all) found.push(one);
  return found;
}

describe('an object', () => {
  test('is read piece by piece, and in memory', async () => {
    expect(await collected(checkedPieces(entry, stored(pieces)))).toEqual(pieces);
    expect(await checkedObject(entry, stored(pieces))).toEqual(whole);
    expect(await isSound(entry, stored(pieces))).toBe(true);
  });

  test.each([
    ['with another byte', [Uint8Array.of(1, 2), Uint8Array.of(4)]],
    ['without its last piece', [Uint8Array.of(1, 2)]],
    ['with a longer piece', [Uint8Array.of(1, 2), Uint8Array.of(3, 4)]],
  ])('%s is refused', async (_why, damaged) => {
    await expect(collected(checkedPieces(entry, stored(damaged)))).rejects.toThrow(ObjectFault);
    await expect(checkedObject(entry, stored(damaged))).rejects.toThrow(ObjectFault);
    expect(await isSound(entry, stored(damaged))).toBe(false);
  });

  test('that the server does not answer for is not called damaged', async () => {
    const away = (): Promise<never> => Promise.reject(new Error('no answer'));
    await expect(isSound(entry, away)).rejects.toThrow('no answer');
  });
});
