/**
 * Finds the files of a tar archive. Only the headers are read: each says where the next one is. A library that reads the
 * archive as a stream would read all of it (docs/adr/0041).
 */
import { type Bytes, foreign, truncated } from '../bytes.js';
import { DataError } from '../../samples/index.js';
import { blockBytes, readPaxRecords, readTarHeader, type TarHeader, textIn } from './tar-header.js';

export interface TarMember {
  readonly name: string;
  /** Of its content in the archive, a multiple of 512. */
  readonly position: number;
  readonly size: number;
}

/** Read at once: several headers where the files between them are small. */
const windowBytes = 1 << 14;
/** Read where the next header lies beyond that. */
const farBytes = 1 << 11;
/** Of a long name, or of the records of one member. */
const maxRecordBytes = 1 << 16;
/** How far behind the end of an archive other data is looked for. */
const maxPaddingBytes = 1 << 20;
const file = '0';
/** Members without content of their own: folders, and records for all members, such as the commit of `git archive`. */
const ignored = '5g';
/** Members that describe the next one: its records (pax), its long name, the long name that its link has (GNU). */
const describing = 'xLK';
const kinds: Readonly<Record<string, string>> = {
  1: 'a link',
  2: 'a link',
  3: 'a device',
  4: 'a device',
  6: 'a named pipe',
  S: 'a sparse file',
};

type Records = ReadonlyMap<string, Uint8Array>;

/** @throws DataError when the archive is damaged, or has a member that is neither a file nor a folder; ReadError */
export function* filesIn(archive: Bytes): Generator<TarMember> {
  const blockAt = windowOn(archive);
  let described: Records = new Map();
  for (let position = 0; ;) {
    if (position + blockBytes > archive.length) throw endless(archive, position);
    const block = blockAt(position);
    if (block[0] === 0 && block.every((byte) => byte === 0)) {
      checkEnd(archive, position);
      return;
    }
    const header = readTarHeader(block);
    if (header === null) throw damaged(archive, block, position);
    const content = position + blockBytes;
    const isDescribing = describing.includes(header.type);
    const size = isDescribing ? header.size : (sizeIn(described) ?? header.size);
    if (Number.isNaN(size) || (isDescribing && size > maxRecordBytes)) throw damaged(archive, block, position);
    if (content + size > archive.length) throw truncated(archive.name, archive.length, content + size);
    if (isDescribing) {
      const records = recordsOf(header.type, bytesAt(archive, content, size));
      if (records === null) throw damaged(archive, block, position);
      described = new Map([...described, ...records]);
    } else {
      if (!ignored.includes(header.type)) {
        const name = nameOf(archive, header, described);
        checkKind(archive, name, header, described);
        yield { name, position: content, size };
      }
      described = new Map();
    }
    position = content + Math.ceil(size / blockBytes) * blockBytes;
  }
}

/** Blocks at rising positions, most of them from one read where files are small. A block is valid until the next one. */
function windowOn(archive: Bytes): (position: number) => Uint8Array {
  const window = new Uint8Array(windowBytes);
  let start = 0;
  let length = 0;
  return (position) => {
    if (position + blockBytes > start + length) {
      const isFar = position > start + windowBytes;
      start = position;
      length = Math.min(isFar ? farBytes : windowBytes, archive.length - position);
      archive.fill(window, position, 0, length);
    }
    return window.subarray(position - start, position - start + blockBytes);
  };
}

function bytesAt(archive: Bytes, position: number, length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  archive.fill(bytes, position);
  return bytes;
}

function recordsOf(type: string, bytes: Uint8Array): Records | null {
  if (type === 'x') return readPaxRecords(bytes);
  return new Map(type === 'L' ? [['path', textIn(bytes)]] : []);
}

/** @returns undefined where the records have no size, NaN where it is invalid */
function sizeIn(records: Records): number | undefined {
  const bytes = records.get('size');
  if (bytes === undefined) return undefined;
  const text = Buffer.from(bytes).toString('latin1');
  return /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** @throws DataError for a name that is not UTF-8 */
function nameOf(archive: Bytes, header: TarHeader, records: Records): string {
  const bytes = records.get('path') ?? header.name;
  try {
    return utf8.decode(bytes);
  } catch {
    throw new DataError({
      about: `${archive.name}: ${Buffer.from(bytes).toString()}`,
      problem: 'the name is not valid UTF-8',
      remedy: 'rename it and pack it again',
    });
  }
}

function checkKind(archive: Bytes, name: string, { type }: TarHeader, records: Records): void {
  const isSparse = [...records.keys()].some((key) => key.startsWith('GNU.sparse.'));
  if (type === file && !isSparse) return;
  const found = isSparse ? kinds.S : kinds[type];
  throw new DataError({
    about: `${archive.name}: ${name}`,
    found: found ?? `a member of type ${type}`,
    expected: 'files and folders only',
    remedy: 'pack it again with tar --dereference --hard-dereference, without --sparse',
  });
}

/** @param end position of the first block of zeros. @throws DataError when other data is behind it */
function checkEnd(archive: Bytes, end: number): void {
  const rest = bytesAt(archive, end, Math.min(archive.length - end, maxPaddingBytes));
  if (rest.every((byte) => byte === 0)) return;
  throw new DataError({
    about: archive.name,
    found: `more data behind the end of the archive, at byte ${String(end)}`,
    expected: 'one archive in each file',
    remedy: 'put each archive into a file of its own',
  });
}

function endless(archive: Bytes, position: number): DataError {
  if (position === 0) return noArchive(archive, bytesAt(archive, 0, archive.length));
  return new DataError({
    about: archive.name,
    found: `an archive that ends at byte ${String(archive.length)}`,
    expected: 'a block of zeros at its end',
    remedy: 'get the file again, or pack it again',
  });
}

function damaged(archive: Bytes, block: Uint8Array, position: number): DataError {
  if (position === 0) return noArchive(archive, block);
  return new DataError({
    about: archive.name,
    found: `a damaged header at byte ${String(position)}`,
    expected: 'a sound tar archive',
    remedy: 'get the file again, or pack it again',
  });
}

function noArchive(archive: Bytes, head: Uint8Array): DataError {
  return foreign(archive.name, head, 'a tar archive', 'the name of its first file');
}
