/** Other files that people name by mistake recognized by how they begin. Pure. */
import { DataError } from '../samples/index.js';
import { type FileKind, packedFile } from './source-files.js';

interface Foreign {
  /** One character a byte. */
  readonly start: string;
  readonly found: string;
  readonly remedy: string;
}

const download = 'download the file itself, not the page about it';
const recode = 'save the file as UTF-8: `iconv -f UTF-16 -t UTF-8`';
const foreigners: readonly Foreign[] = [
  { start: 'PK\x03\x04', found: 'a zip archive or a workbook', remedy: 'unpack it, or export its sheet as CSV' },
  { start: 'PAR1', found: 'a Parquet file', remedy: 'set the format to parquet' },
  { start: 'ARROW1', found: 'an Arrow or Feather file', remedy: 'convert it to Parquet' },
  { start: '\x93NUMPY', found: 'an npy file', remedy: 'set the format to npy' },
  { start: 'version https://git-lfs', found: 'a pointer of Git LFS', remedy: 'get the file itself: `git lfs pull`' },
  { start: '<!DOCTYPE', found: 'a web page', remedy: download },
  { start: '<!doctype', found: 'a web page', remedy: download },
  { start: '<html', found: 'a web page', remedy: download },
  { start: '<?xml', found: 'an XML file', remedy: 'convert it' },
  { start: '\xff\xfe', found: 'text in UTF-16', remedy: recode },
  { start: '\xfe\xff', found: 'text in UTF-16', remedy: recode },
  { start: '\x28\xb5\x2f\xfd', found: 'a zstd file', remedy: 'unpack it: `unzstd -k`' },
  { start: 'BZh', found: 'a bzip2 file', remedy: 'unpack it: `bunzip2 -k`' },
  { start: '\xfd7zXZ', found: 'an xz file', remedy: 'unpack it: `unxz -k`' },
];

/** @param head the first bytes of the file. @throws DataError when they begin a file of another kind, or an empty one */
export function refuseForeign(head: Buffer, path: string, kind: FileKind): void {
  const fault = (found: string, remedy: string): DataError =>
    new DataError({ about: path, found, expected: kind.one, remedy });
  if (head.length === 0) throw fault('an empty file', 'get the file again');
  if (head[0] === 0x1f && head[1] === 0x8b) throw packedFile(path, kind);
  const text = head.toString('latin1');
  const foreign = foreigners.find(({ start }) => text.startsWith(start));
  if (foreign !== undefined) throw fault(foreign.found, foreign.remedy);
}

/** As `refuseForeign`, for a format that is text. */
export function refuseNoText(head: Buffer, path: string, kind: FileKind): void {
  refuseForeign(head, path, kind);
  if (!head.includes(0)) return;
  const found = 'a file with zero bytes, which is no text';
  throw new DataError({ about: path, found, expected: kind.one, remedy: 'check the path' });
}
