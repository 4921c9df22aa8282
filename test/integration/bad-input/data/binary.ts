/** Arrays and columns that are wrong in one way. */
import { gzipSync } from 'node:zlib';

import { craftedFile, dataPage, int32s, parquetOf } from '../../../kit/parquet.js';
import { zipOf } from '../../../kit/zip.js';
import { npy, npz, refused } from '../../../unit/tables/numpy-arrays.js';

import { type DataCase, rows } from './cases.js';

const sound = rows(24);
const parquet = Buffer.from(
  parquetOf([
    { name: 'a', data: sound.map(({ a }) => a), type: 'DOUBLE' },
    { name: 'b', data: sound.map(({ b }) => b), type: 'INT32' },
    { name: 'label', data: sound.map(({ label }) => label), type: 'INT32' },
  ]),
);
const texts = Buffer.from(
  parquetOf([
    { name: 'a', data: sound.map(() => 'x'), type: 'STRING' },
    { name: 'label', data: sound.map(({ label }) => label), type: 'INT32' },
  ]),
);
const column = { name: 'a', type: 'INT32', repetition_type: 'REQUIRED' } as const;
/** A page of 4 bytes that says it unpacks to 2 GiB, and one that unpacks to 64 MiB and does not say so. */
const declared = craftedFile(
  [column],
  1,
  [dataPage(new Uint8Array(gzipSync(int32s(1))), 1, 'PLAIN', { uncompressed_page_size: 2 ** 31 - 1 })],
  { codec: 'GZIP' },
);
const hidden = craftedFile(
  [column],
  1,
  [dataPage(new Uint8Array(gzipSync(new Uint8Array(2 ** 26))), 1, 'PLAIN', { uncompressed_page_size: 4 })],
  { codec: 'GZIP' },
);
const number = { name: 'input', type: 'tensor', columns: ['a'] };
const numberTwice = [number, { name: 'label', type: 'class', columns: ['a'] }];

const parquetCases: readonly DataCase[] = [
  { what: 'is missing', files: {}, path: 'x.parquet', want: 'DIR/x.parquet: found nothing, expected a data set' },
  {
    what: 'is empty',
    files: { 'x.parquet': '' },
    path: 'x.parquet',
    want: 'DIR/x.parquet: found an empty file, expected a Parquet file',
  },
  {
    what: 'is cut',
    files: { 'x.parquet': parquet.subarray(0, -20) },
    path: 'x.parquet',
    want: 'DIR/x.parquet: found a file that is cut or still being written, expected a Parquet file',
  },
  {
    what: 'is a text',
    files: { 'x.parquet': 'a,b,label\n1,2,0\n' },
    path: 'x.parquet',
    want: 'DIR/x.parquet: found a file that begins with "a,b,", expected a Parquet file',
  },
  {
    what: 'lacks a column',
    files: { 'x.parquet': parquet },
    path: 'x.parquet',
    dataset: { fields: [{ name: 'input', type: 'tensor', columns: ['c'] }] },
    want: 'file://DIR/x.parquet, x.parquet, schema: found no column c, expected one of a, b, label, for the field input',
  },
  {
    what: 'has texts where numbers should be',
    files: { 'x.parquet': texts },
    path: 'x.parquet',
    dataset: { fields: [number, { name: 'label', type: 'class' }] },
    want: 'field input, column a: found values that are no numbers ("x"), expected numbers',
  },
  {
    what: 'says that a page unpacks to 2 GiB',
    files: { 'x.parquet': declared },
    path: 'x.parquet',
    dataset: { fields: numberTwice },
    want: 'column a: it is damaged: a page declares 2147483647 bytes, at most 268435456 are read',
  },
  {
    what: 'has a page that unpacks to more than it says',
    files: { 'x.parquet': hidden },
    path: 'x.parquet',
    dataset: { fields: numberTwice },
    want: 'DIR/x.parquet, row group 1, column a: it is damaged',
  },
  {
    what: 'is a link out of its folder',
    files: { 'a.parquet': parquet, 'b.parquet': { to: '/etc/passwd' } },
    want: 'DIR/b.parquet: it is a link that leads out of its folder',
  },
];

/** The header of an array of `count` bytes. */
function npyHeader(count: number): Buffer {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${String(count)},), }`.padEnd(117) + '\n';
  return Buffer.concat([Buffer.from('934e554d5059010076', 'hex'), Buffer.from('00', 'hex'), Buffer.from(text)]);
}

const stored = npz('stored');
const npyCases: readonly DataCase[] = [
  { what: 'is missing', files: {}, path: 'x.npz', want: 'DIR/x.npz: found nothing, expected a data set' },
  {
    what: 'is empty',
    files: { 'x.npz': '' },
    path: 'x.npz',
    want: 'DIR/x.npz: found an empty file, expected an npz file, which starts with PK',
  },
  {
    what: 'is cut',
    files: { 'x.npz': stored.subarray(0, 300) },
    path: 'x.npz',
    want: 'DIR/x.npz: found a damaged zip archive (End of central directory record signature not found. Either not a zip file, or file is truncated.',
  },
  {
    what: 'is a text',
    files: { 'x.npz': 'a,b\n1,2\n' },
    path: 'x.npz',
    want: 'DIR/x.npz: found a file that starts with "612c620a", expected an npz file, which starts with PK',
  },
  {
    what: 'holds pickled objects',
    files: { 'x.npy': refused('objects') },
    path: 'x.npy',
    want: 'DIR/x.npy: found Python objects (dtype object), expected numbers or text',
  },
  {
    what: 'holds complex numbers',
    files: { 'x.npy': refused('complex') },
    path: 'x.npy',
    want: 'DIR/x.npy: found complex numbers, expected numbers or text',
  },
  {
    what: 'has arrays of different lengths',
    files: {
      'x.npy': Buffer.concat([npyHeader(4), Buffer.alloc(4)]),
      'y.npy': Buffer.concat([npyHeader(3), Buffer.alloc(3)]),
    },
    want: 'DIR: found 4 rows of x and 3 of y, expected arrays of equal length',
  },
  {
    what: 'lacks an array',
    files: { 'x.npz': stored },
    path: 'x.npz',
    dataset: { fields: [{ name: 'input', type: 'tensor', columns: ['z'] }] },
    want: 'file://DIR/x.npz, the training split: found no column z, expected one of x, y, for the field input',
  },
  {
    what: 'says that a small array has 1 TB',
    files: { 'x.npz': zipOf([{ name: 'x.npy', content: Buffer.concat([npyHeader(10 ** 12), Buffer.alloc(4)]) }]) },
    path: 'x.npz',
    want: 'DIR/x.npz: x.npy: found a truncated file of 132 bytes, expected 1000000000128 bytes',
  },
  {
    what: 'unpacks to more than it says',
    files: {
      'x.npz': zipOf([{ name: 'x.npy', content: Buffer.concat([npyHeader(4), Buffer.alloc(2 ** 26)]), says: 132 }]),
    },
    path: 'x.npz',
    want: 'DIR/x.npz: x.npy: found a damaged zip archive (too many bytes in the stream. expected 132. got at least 16384',
  },
  {
    what: 'is a link out of its folder',
    files: { 'x.npy': npy('<u1'), 'y.npy': { to: '/etc/passwd' } },
    want: 'DIR/y.npy: found a link to /etc/passwd, outside of the folder, expected files that lie in the folder',
  },
];

/** Images of 2 × 2 bytes. */
function idxImages(count: number, content: Uint8Array): Buffer {
  const head = Buffer.alloc(16);
  [0x803, count, 2, 2].forEach((value, at) => head.writeUInt32BE(value, 4 * at));
  return Buffer.concat([head, content]);
}

const labels = Buffer.concat([Buffer.from('0000080100000004', 'hex'), Buffer.from([0, 1, 2, 0])]);
function idxFiles(images: Uint8Array): Readonly<Record<string, Uint8Array>> {
  return {
    'train-images-idx3-ubyte.gz': gzipSync(images),
    'train-labels-idx1-ubyte.gz': gzipSync(labels),
    't10k-images-idx3-ubyte.gz': gzipSync(idxImages(4, Buffer.alloc(16))),
    't10k-labels-idx1-ubyte.gz': gzipSync(labels),
  };
}

/** Raw files are in input.test.ts. */
const idxCases: readonly DataCase[] = [
  {
    what: 'unpacks to more than its header says',
    files: idxFiles(idxImages(4, Buffer.alloc(2 ** 26))),
    want: 'DIR/train-images-idx3-ubyte.gz: found more than 32 bytes, unpacked, expected 32 (sizes 4 × 2 × 2)',
  },
  {
    what: 'says that it has 4 billion images',
    files: idxFiles(idxImages(2 ** 32 - 1, Buffer.alloc(16))),
    want: 'DIR/train-images-idx3-ubyte.gz: found a gzip file of 17179869196 bytes, unpacked, expected at most 268435456, as it is unpacked into memory',
  },
  {
    what: 'is packed and cut',
    files: {
      ...idxFiles(idxImages(4, Buffer.alloc(16))),
      'train-images-idx3-ubyte.gz': gzipSync(idxImages(4, Buffer.alloc(16))).subarray(0, -9),
    },
    want: 'DIR/train-images-idx3-ubyte.gz: found a damaged gzip file (unexpected end of file), expected an idx file',
  },
  {
    what: 'is packed and empty',
    files: { ...idxFiles(idxImages(4, Buffer.alloc(16))), 'train-images-idx3-ubyte.gz': '' },
    want: 'DIR/train-images-idx3-ubyte.gz: found an empty file, expected an idx file, which starts with 0000',
  },
];

/** By format. */
export const binaryCases = { idx: idxCases, npy: npyCases, parquet: parquetCases };
