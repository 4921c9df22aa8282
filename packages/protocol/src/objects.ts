/**
 * The format of a job's object store, which is that of all NATS clients, and how it is read: by direct gets alone. The
 * clients' own readers make a consumer for it, and a right to make consumers reaches further than this bucket
 * (docs/adr/0005). Pure: the caller passes in the direct get and computes the hashes.
 *
 * Invariants:
 *  objects/O1 An object is there whole or not at all: its pieces are stored first, its entry last.
 *  objects/O2 What is read has the size that its entry names; the digest is for the reader to check, over the same
 *     pieces.
 *  objects/O3 Workers write entries, so an entry is a claim: one counts only in its own bucket, under the subject of
 *     its own name, the newest of a name; and memory is taken for bytes that were read, never for a size that an entry
 *     names.
 */
import { DistilleryError } from '@distillery/base';
import { z } from 'zod';

/** Objects that a job may have: up to 100 checkpoints, its results, and spare room. */
export const maxObjects = 1_024;
/** As long as a name of an object may be. */
const maxNameLength = 1_024;

const entrySchema = z
  .object({
    name: z.string().min(1).max(maxNameLength),
    bucket: z.string(),
    /** Names the subject of its pieces: one token, without wildcards. */
    nuid: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/),
    size: z.number().int().min(0),
    chunks: z.number().int().min(0),
    /** As `objectDigest` writes it. */
    digest: z.string().max(100),
    deleted: z.boolean().optional(),
  })
  // No piece is empty.
  .refine(({ size, chunks }) => chunks <= size && (size === 0 || chunks > 0));
export type ObjectEntry = z.infer<typeof entrySchema>;

/** A stored message, as far as it matters here. */
export interface StoredPiece {
  /** Its sequence in the stream. */
  readonly seq: number;
  readonly subject: string;
  readonly data: Uint8Array;
}

/** The first message of a subject, wildcards allowed, at or after a sequence; null when no message is there. */
export type NextPiece = (subject: string, fromSequence: number) => Promise<StoredPiece | null>;

/** An object that cannot be read whole; its fault is about nothing, since the reader knows the object's name. */
export class ObjectFault extends DistilleryError {
  override readonly name = 'ObjectFault';
  readonly kind = 'Object';
  readonly retry = 'Later';
}

export function objectPiecesSubject(bucket: string, nuid: string): string {
  return `$O.${bucket}.C.${nuid}`;
}

export function objectEntrySubject(bucket: string, name: string): string {
  return `$O.${bucket}.M.${base64Url(new TextEncoder().encode(name))}`;
}

/** Subjects of all pieces and of all entries of a bucket. */
export function allObjectPieces(bucket: string): string {
  return `$O.${bucket}.C.>`;
}
export function allObjectEntries(bucket: string): string {
  return `$O.${bucket}.M.>`;
}

/** A SHA-256 as the clients write it. */
export function objectDigest(sha256: Uint8Array): string {
  return `SHA-256=${base64Url(sha256)}`;
}

/** @returns null for a mark of deletion, and for a message that is not an entry of this bucket (objects/O3) */
export function readObjectEntry(bucket: string, message: StoredPiece): ObjectEntry | null {
  const entry = anyEntry(bucket, message);
  return entry === null || entry.deleted === true ? null : entry;
}

function anyEntry(bucket: string, { subject, data }: StoredPiece): ObjectEntry | null {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data));
  } catch {
    return null;
  }
  const parsed = entrySchema.safeParse(value);
  if (!parsed.success) return null;
  const isInPlace = parsed.data.bucket === bucket && objectEntrySubject(bucket, parsed.data.name) === subject;
  return isInPlace ? parsed.data : null;
}

/**
 * All objects, each name once, in the order in which they were written. There are few: one a checkpoint that is kept, one
 * a result.
 * @throws ObjectFault when there are more than `maxObjects`
 */
export async function listObjectEntries(bucket: string, next: NextPiece): Promise<ObjectEntry[]> {
  const entries = new Map<string, ObjectEntry>();
  for (let sequence = 1; ;) {
    const message = await next(allObjectEntries(bucket), sequence);
    if (message === null) return [...entries.values()];
    const entry = anyEntry(bucket, message);
    if (entry !== null) entries.delete(entry.name);
    if (entry !== null && entry.deleted !== true) entries.set(entry.name, entry);
    if (entries.size > maxObjects)
      throw new ObjectFault({
        about: '',
        problem: `found more than ${String(maxObjects)} objects in the bucket`,
        remedy: '',
      });
    sequence = message.seq + 1;
  }
}

/** The pieces of one object (objects/O2). @throws ObjectFault when it is longer or shorter than its entry says */
export async function* objectPieces(
  { bucket, nuid, chunks, size }: ObjectEntry,
  next: NextPiece,
): AsyncGenerator<Uint8Array> {
  const subject = objectPiecesSubject(bucket, nuid);
  let bytes = 0;
  let sequence = 1;
  for (let piece = 0; piece < chunks; piece++) {
    const found = await next(subject, sequence);
    if (found === null)
      throw new ObjectFault({ about: '', found: `${String(piece)} pieces`, expected: String(chunks), remedy: '' });
    if (found.data.length === 0) throw new ObjectFault({ about: '', problem: 'found an empty piece', remedy: '' });
    bytes += found.data.length;
    if (bytes > size)
      throw new ObjectFault({
        about: '',
        problem: `found more than the ${String(size)} bytes that its entry names`,
        remedy: '',
      });
    yield found.data;
    sequence = found.seq + 1;
  }
  if (bytes !== size)
    throw new ObjectFault({ about: '', found: `${String(bytes)} bytes`, expected: String(size), remedy: '' });
}

/**
 * One object in memory (objects/O2, objects/O3). @throws ObjectFault when it is longer or shorter than its entry says
 */
export async function wholeObject(entry: ObjectEntry, next: NextPiece): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of objectPieces(entry, next)) pieces.push(piece);
  const whole = new Uint8Array(entry.size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** With padding, as the clients write it. */
function base64Url(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_');
}
