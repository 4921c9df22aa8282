/** Folders and archives of files that are wrong in one way. */
import { deflateSync, gzipSync, crc32 } from 'node:zlib';

import sharp from 'sharp';

import { member, tar } from '../../../unit/tables/tar-files.js';

import type { DataCase } from './cases.js';

const plain = (width = 8, height = 8) => sharp({ create: { width, height, channels: 3, background: '#c86432' } });
const png = (width?: number, height?: number): Promise<Buffer> => plain(width, height).png().toBuffer();

function chunk(type: string, content: Uint8Array): Buffer {
  const named = Buffer.concat([Buffer.from(type), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}

/** A PNG of a few bytes that says it has `side`² pixels. */
function bomb(side: number): Buffer {
  const head = Buffer.from('0000000000000000' + '0802000000', 'hex');
  head.writeUInt32BE(side, 0);
  head.writeUInt32BE(side, 4);
  const data = deflateSync(Buffer.alloc(3 * 8 + 1));
  return Buffer.concat([
    Buffer.from('89504e470d0a1a0a', 'hex'),
    chunk('IHDR', head),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

/** Three sound pictures in two folders, and `others`. */
const beside =
  (others: DataCase['files'] | (() => Promise<Readonly<Record<string, string | Uint8Array>>>)) => async () => ({
    'cat/1.png': await png(),
    'cat/2.png': await png(),
    'dog/1.png': await png(),
    ...(typeof others === 'function' ? await others() : others),
  });

const imageFolderCases: readonly DataCase[] = [
  { what: 'is missing', files: {}, path: 'photos', want: 'DIR/photos: found nothing, expected a data set' },
  { what: 'is empty', files: {}, want: 'DIR: found no files, expected a folder with PNG, JPEG or WebP files' },
  {
    what: 'has no picture',
    files: { 'cat/1.txt': 'a cat' },
    want: 'DIR: found no such file among 1 file, expected a folder with PNG, JPEG or WebP files',
  },
  {
    what: 'is one picture',
    files: async () => ({ 'x.png': await png() }),
    path: 'x.png',
    want: 'DIR/x.png: found a file, expected a folder with PNG, JPEG or WebP files',
  },
  {
    what: 'has a text as a picture',
    files: beside({ 'dog/2.png': 'wau' }),
    want: 'dog/2.png: column image: it begins with 776175, which is no PNG, JPEG or WebP picture',
  },
  {
    what: 'has an empty picture',
    files: beside({ 'dog/2.png': '' }),
    want: 'dog/2.png: column image: the picture is empty',
  },
  {
    what: 'has a picture that is cut',
    files: beside(async () => ({ 'dog/2.png': (await png(64, 64)).subarray(0, 90) })),
    want: 'dog/2.png: column image: the picture is damaged',
  },
  {
    what: 'has a picture of another size',
    files: beside(async () => ({ 'dog/2.png': await png(9, 8) })),
    want: 'dog/2.png: column image: the picture is 8 × 9 pixels, the first one 8 × 8, and no height and width in dataset.fields bring them to one size',
  },
  {
    what: 'has a decompression bomb',
    files: beside({ 'dog/2.png': bomb(100_000) }),
    want: 'dog/2.png: column image: the picture has more than 33554432 pixels',
  },
  {
    what: 'has a link out of it',
    files: beside({ 'dog/2.png': { to: '/etc/passwd' } }),
    want: 'DIR/dog/2.png: found a link to /etc/passwd, outside of the folder, expected files that lie in the folder',
  },
];

/** Gray, transparent, CMYK, 16 bits, a palette, and one that lies on its side by EXIF; each of another size. */
export async function picturesOfEveryMode(): Promise<Readonly<Record<string, Uint8Array>>> {
  return {
    'cat/gray.png': await plain(4, 6).toColourspace('b-w').png().toBuffer(),
    'cat/alpha.png': await plain(5, 5).ensureAlpha(0.5).png().toBuffer(),
    'cat/cmyk.jpg': await plain(8, 8).toColourspace('cmyk').jpeg().toBuffer(),
    'dog/deep.png': await plain(9, 9).toColourspace('rgb16').png().toBuffer(),
    'dog/palette.png': await plain(3, 3).png({ palette: true }).toBuffer(),
    'dog/turned.jpg': await plain(8, 16).withMetadata({ orientation: 6 }).jpeg().toBuffer(),
  };
}

const key = (name: string, content: Uint8Array | string, label = '0'): readonly Buffer[] => [
  member(`${name}.png`, content),
  member(`${name}.cls`, label),
];

const webdatasetCases: readonly DataCase[] = [
  { what: 'is missing', files: {}, path: 'x.tar', want: 'DIR/x.tar: found nothing, expected a data set' },
  {
    what: 'is empty',
    files: { 'x.tar': '' },
    path: 'x.tar',
    want: 'DIR/x.tar: found an empty file, expected a tar archive, which starts with the name of its first file',
  },
  {
    what: 'is cut',
    files: async () => ({ 'x.tar': tar(...key('a', await png())).subarray(0, 700) }),
    path: 'x.tar',
    want: 'DIR/x.tar: found an archive that ends at byte 700, expected a block of zeros at its end',
  },
  {
    what: 'is a text',
    files: { 'x.tar': 'a,b\n'.repeat(300) },
    path: 'x.tar',
    want: 'DIR/x.tar: found a file that starts with "612c620a", expected a tar archive, which starts with the name of its first file',
  },
  {
    what: 'is packed',
    files: { 'x.tar.gz': gzipSync(tar(member('a.txt', 'x'))) },
    path: 'x.tar.gz',
    want: 'DIR/x.tar.gz: found a gzip file, expected a tar archive',
  },
  {
    what: 'has an invalid picture',
    files: async () => ({ 'x.tar': tar(...key('a', await png()), ...key('b', 'wau')) }),
    path: 'x.tar',
    want: 'x.tar, b: column png: it begins with 776175, which is no PNG, JPEG or WebP picture',
  },
  {
    what: 'has a label that is no text',
    files: async () => ({
      'x.tar': tar(...key('a', await png()), member('b.png', await png()), member('b.cls', Buffer.from([0xc3, 0x28]))),
    }),
    path: 'x.tar',
    want: 'x.tar, b: column cls: the label is 2 bytes, expected a number from 0',
  },
  {
    what: 'has an empty label',
    files: async () => ({ 'x.tar': tar(...key('a', await png()), ...key('b', await png(), ' \n')) }),
    path: 'x.tar',
    want: 'x.tar, b: column cls: the label is 2 bytes, expected a number from 0',
  },
  {
    what: 'has a key without its label',
    files: async () => ({ 'x.tar': tar(...key('a', await png()), member('b.png', await png())) }),
    path: 'x.tar',
    want: 'x.tar, b: column cls: the label is no value, expected a number from 0',
  },
  {
    what: 'lacks a column',
    files: async () => ({ 'x.tar': tar(...key('a', await png())) }),
    path: 'x.tar',
    dataset: { fields: [{ name: 'image', type: 'image', columns: ['jpg'] }] },
    want: 'file://DIR/x.tar: found no column jpg, expected one of __key__, cls, png, for the field image',
  },
  {
    what: 'says that a member has 8 GiB',
    files: { 'x.tar': tar(member('a.png', 'x', '0', (header) => header.write('77777777777\0', 124))) },
    path: 'x.tar',
    want: 'DIR/x.tar: found a truncated file of 2048 bytes, expected 8589935103 bytes',
  },
  {
    what: 'is a link out of its folder',
    files: async () => ({ 'a.tar': tar(...key('a', await png())), 'b.tar': { to: '/etc/passwd' } }),
    want: 'DIR/b.tar: found a link to /etc/passwd, outside of the folder, expected files that lie in the folder',
  },
];

const filesCases: readonly DataCase[] = [
  { what: 'is missing', files: {}, path: 'docs', want: 'DIR/docs: found nothing, expected a data set' },
  { what: 'is empty', files: {}, want: 'DIR: found no files, expected a folder with files' },
  {
    what: 'is one file',
    files: { 'x.txt': 'x' },
    path: 'x.txt',
    want: 'DIR/x.txt: found a file, expected a folder with files',
  },
  {
    what: 'has links alone',
    files: { 'a.txt': { to: '/etc/passwd' } },
    want: 'DIR: found no files, expected a folder with files',
  },
];

/** By format. */
export const fileCases = { imageFolder: imageFolderCases, webdataset: webdatasetCases, files: filesCases };
