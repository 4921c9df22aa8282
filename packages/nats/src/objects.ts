/**
 * Objects of a job's object store as they are read: whole, and with the digest that their entry names
 * (packages/protocol/src/objects.ts has the format).
 */
import { createHash } from 'node:crypto';

import {
  type NextPiece,
  objectDigest,
  type ObjectEntry,
  ObjectFault,
  objectPieces,
  wholeObject,
} from '@distillery/protocol';

/** SHA-256 of the bytes, in the form of an entry's `digest`. */
export function digestOf(data: Uint8Array): string {
  return objectDigest(createHash('sha256').update(data).digest());
}

/** The pieces of one object; it is sound when no error follows the last. @throws ObjectFault */
export async function* checkedPieces(entry: ObjectEntry, next: NextPiece): AsyncGenerator<Uint8Array> {
  const hash = createHash('sha256');
  for await (const piece of objectPieces(entry, next)) {
    hash.update(piece);
    yield piece;
  }
  checkDigest(objectDigest(hash.digest()), entry);
}

/** One object in memory. @throws ObjectFault */
export async function checkedObject(entry: ObjectEntry, next: NextPiece): Promise<Uint8Array> {
  const data = await wholeObject(entry, next);
  checkDigest(digestOf(data), entry);
  return data;
}

/** Whether what is stored is what its entry says. */
export async function isSound(entry: ObjectEntry, next: NextPiece): Promise<boolean> {
  try {
    const pieces = checkedPieces(entry, next);
    for (let step = await pieces.next(); step.done !== true;) step = await pieces.next();
    return true;
  } catch (error) {
    if (error instanceof ObjectFault) return false;
    throw error;
  }
}

function checkDigest(found: string, { digest }: ObjectEntry): void {
  if (found === digest) return;
  throw new ObjectFault({ about: '', found: `digest ${found}`, expected: digest, remedy: '' });
}
