/**
 * The format of a job's object store, which is that of all NATS clients, and how it is read: by direct gets alone. The
 * clients' own readers make a consumer for it, and a right to make consumers reaches further than this bucket
 * (docs/adr/0005). Pure: who reads hands in the direct get, and hashes.
 *
 * Invariants:
 *  O1 An object is there whole or not at all: its pieces are stored first, its entry last.
 *  O2 What is read has the size that its entry names; the digest is for the reader to check, over the same pieces.
 */
import { z } from 'zod';

const entrySchema = z.object({
  name: z.string(),
  bucket: z.string(),
  /** Names the subject of its pieces. */
  nuid: z.string(),
  size: z.number().int().min(0),
  chunks: z.number().int().min(0),
  /** As `objectDigest` writes it. */
  digest: z.string(),
  deleted: z.boolean().optional(),
});
export type ObjectEntry = z.infer<typeof entrySchema>;

/** A stored message, as far as it matters here. */
export interface StoredPiece {
  /** Its sequence in the stream. */
  readonly seq: number;
  readonly data: Uint8Array;
}

/** The first message of a subject, wildcards allowed, at or after a sequence; null when there is none. */
export type NextPiece = (subject: string, fromSequence: number) => Promise<StoredPiece | null>;

/** An object that cannot be read whole; the sentence goes on "object x: …". */
export class ObjectFault extends Error {
  override readonly name = 'ObjectFault';
}

export function objectPiecesSubject(bucket: string, nuid: string): string {
  return `$O.${bucket}.C.${nuid}`;
}

export function objectEntrySubject(bucket: string, name: string): string {
  return `$O.${bucket}.M.${base64Url(new TextEncoder().encode(name))}`;
}

/** A SHA-256 as the clients write it. */
export function objectDigest(sha256: Uint8Array): string {
  return `SHA-256=${base64Url(sha256)}`;
}

/** @returns null for a mark of deletion, and for what is no entry */
export function readObjectEntry(data: Uint8Array): ObjectEntry | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch {
    return null;
  }
  const entry = entrySchema.safeParse(value);
  return entry.success && entry.data.deleted !== true ? entry.data : null;
}

/** All objects, in the order in which they were written. There are few: one a checkpoint that is kept, one a result. */
export async function listObjectEntries(bucket: string, next: NextPiece): Promise<ObjectEntry[]> {
  const entries: ObjectEntry[] = [];
  for (let sequence = 1; ;) {
    const message = await next(`$O.${bucket}.M.>`, sequence);
    if (message === null) return entries;
    const entry = readObjectEntry(message.data);
    if (entry !== null) entries.push(entry);
    sequence = message.seq + 1;
  }
}

/** The pieces of one object (O2). @throws ObjectFault when it is longer or shorter than its entry says */
export async function* objectPieces(
  { bucket, nuid, chunks, size }: ObjectEntry,
  next: NextPiece,
): AsyncGenerator<Uint8Array> {
  const subject = objectPiecesSubject(bucket, nuid);
  let bytes = 0;
  let sequence = 1;
  for (let piece = 0; piece < chunks; piece++) {
    const found = await next(subject, sequence);
    if (found === null) throw new ObjectFault(`found ${String(piece)} pieces, expected ${String(chunks)}`);
    bytes += found.data.length;
    if (bytes > size) throw new ObjectFault(`found more than the ${String(size)} bytes that its entry names`);
    yield found.data;
    sequence = found.seq + 1;
  }
  if (bytes !== size) throw new ObjectFault(`found ${String(bytes)} bytes, expected ${String(size)}`);
}

/** With padding, as the clients write it. */
function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}
