/**
 * Tables of arrays, folders and archives against plain reads of the same bytes: random batches of 128 rows from the page
 * cache. Both sides take turns, so that other load of the machine meets both.
 *
 *   npm run bench binary-tables
 */
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { crc32, deflateRawSync } from 'node:zlib';

import { randomFrom } from '@distillery/base';

import {
  openFiles,
  openIdx,
  openImageFolder,
  openNpy,
  openNpz,
  openTar,
  type Table,
} from '../../workers/tables/index.js';
import { type BenchTable, median } from './table.js';

const batch = 128;
const rounds = 200;
const warmUps = 40;
const arrayRows = 60_000;
const rowBytes = 784;
const fileCount = 2_000;
const fileBytes = 20_000;
const endBytes = 4_096;

/** Reads some rows. */
type Read = (rows: Uint32Array) => unknown;
interface Case {
  readonly format: string;
  readonly open: () => Promise<Table>;
  readonly columns: readonly string[];
  readonly plain: Read;
}

export async function binaryTablesBench(say: (line: string) => void): Promise<BenchTable> {
  const folder = mkdtempSync(join(tmpdir(), 'distillery-bench-tables-'));
  const opened: FileHandle[] = [];
  try {
    writeFiles(folder);
    const rows: BenchTable['rows'][number][] = [];
    for (const one of await casesIn(folder, opened)) rows.push(await rowOf(one, say));
    return { name: 'binary-tables', goal: 'samples/s at least 0.9 of plain reads of the same bytes', rows };
  } finally {
    for (const file of opened) await file.close();
    rmSync(folder, { recursive: true });
  }
}

async function rowOf(
  { format, open: openTable, columns, plain }: Case,
  say: (line: string) => void,
): Promise<BenchTable['rows'][number]> {
  say(format);
  const before = process.memoryUsage().rss;
  const started = performance.now();
  const table = await openTable();
  const openMs = performance.now() - started;
  const random = randomFrom(1);
  const times = { ours: [] as number[], plain: [] as number[] };
  let rss = before;
  for (let round = 0; round < warmUps + rounds; round++) {
    // Rows of their own: those read before would lie in the caches of the processor.
    const draw = (): Uint32Array => Uint32Array.from({ length: batch }, () => random.below(table.length));
    const mine = draw();
    const ours = await millisecondsOf(() => table.read(mine, columns));
    rss = Math.max(rss, process.memoryUsage().rss);
    const others = draw();
    const theirs = await millisecondsOf(() => plain(others));
    if (round < warmUps) continue;
    times.ours.push(ours);
    times.plain.push(theirs);
  }
  await table.close();
  const perSecond = (ms: readonly number[]): number => Math.round((batch / median(ms)) * 1_000);
  return {
    format,
    rows: table.length,
    'open ms': openMs.toFixed(1),
    'samples/s': perSecond(times.ours),
    'plain samples/s': perSecond(times.plain),
    ratio: (median(times.plain) / median(times.ours)).toFixed(2),
    'RSS growth MB': ((rss - before) / 1e6).toFixed(1),
  };
}

async function millisecondsOf(work: () => unknown): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** @param opened receives the files that stay open */
async function casesIn(folder: string, opened: FileHandle[]): Promise<readonly Case[]> {
  const at = (name: string): string => join(folder, name);
  const descriptorOf = async (name: string): Promise<number> => {
    const file = await open(at(name));
    opened.push(file);
    return file.fd;
  };
  /** Positional reads of the rows of an array into one memory. */
  const arrays = async (name: string, start: number): Promise<Read> => {
    const descriptor = await descriptorOf(name);
    return (rows) => {
      const target = new Uint8Array(rows.length * rowBytes);
      for (let row = 0; row < rows.length; row++) {
        readSync(descriptor, target, row * rowBytes, rowBytes, start + (rows[row] ?? 0) * rowBytes);
      }
      return target;
    };
  };
  /** Positional reads of members into a memory for each. */
  const members = async (name: string): Promise<Read> => {
    const descriptor = await descriptorOf(name);
    const distance = 512 + Math.ceil(fileBytes / 512) * 512;
    return (rows) =>
      Array.from(rows, (row) => {
        const target = new Uint8Array(fileBytes);
        readSync(descriptor, target, 0, fileBytes, 512 + row * distance);
        return target;
      });
  };
  return [
    {
      format: 'idx',
      open: () => openIdx([{ name: 'x', path: at('x-idx2-ubyte') }]),
      columns: ['x'],
      plain: await arrays('x-idx2-ubyte', idxHeader.length),
    },
    {
      format: 'npy',
      open: () => openNpy(at('x.npy')),
      columns: ['x'],
      plain: await arrays('x.npy', npyHeader.length),
    },
    {
      format: 'npz, stored',
      open: () => openNpz(at('stored.npz')),
      columns: ['x'],
      plain: await arrays('stored.npz', readFileSync(at('stored.npz')).indexOf(npyHeader) + npyHeader.length),
    },
    {
      format: 'npz, compressed (against npy)',
      open: () => openNpz(at('packed.npz')),
      columns: ['x'],
      plain: await arrays('x.npy', npyHeader.length),
    },
    {
      format: 'tar',
      open: () => openTar(at('x.tar')),
      columns: ['jpg'],
      plain: await members('x.tar'),
    },
    {
      format: 'image folder',
      open: () => openImageFolder(at('files')),
      columns: ['image', 'label'],
      plain: (rows) => Promise.all(Array.from(rows, (row) => readFile(at(`files/${nameOf(row)}`)))),
    },
    {
      format: 'files, head and tail',
      open: () => openFiles(at('files'), { head: endBytes, tail: endBytes }),
      columns: ['bytes', 'size'],
      plain: (rows) => Promise.all(Array.from(rows, (row) => endsOf(at(`files/${nameOf(row)}`)))),
    },
  ];
}

async function endsOf(path: string): Promise<Uint8Array> {
  const file = await open(path);
  const { size } = await file.stat();
  const bytes = new Uint8Array(2 * endBytes);
  await file.read(bytes, 0, endBytes, 0);
  await file.read(bytes, endBytes, endBytes, size - endBytes);
  await file.close();
  return bytes;
}

const idxHeader = Buffer.from([0, 0, 8, 2, 0, 0, arrayRows >> 8, arrayRows & 255, 0, 0, rowBytes >> 8, rowBytes & 255]);
const npyText = `{'descr': '|u1', 'fortran_order': False, 'shape': (${String(arrayRows)}, ${String(rowBytes)}), }`;
const npyHeader = Buffer.concat([
  Buffer.from('\x93NUMPY\x01\x00', 'latin1'),
  Uint8Array.of(npyText.length, 0),
  Buffer.from(npyText),
]);

function nameOf(row: number): string {
  return `${String(row).padStart(5, '0')}.jpg`;
}

/** Arrays of 47 MB, and 2,000 files of 20 kB, of noise that compresses by half. */
function writeFiles(folder: string): void {
  const random = randomFrom(2);
  const noise = Buffer.from(Uint8Array.from({ length: 1 << 20 }, () => random.below(16)));
  const body = Buffer.alloc(arrayRows * rowBytes, noise);
  writeFileSync(join(folder, 'x-idx2-ubyte'), Buffer.concat([idxHeader, body]));
  const array = Buffer.concat([npyHeader, body]);
  writeFileSync(join(folder, 'x.npy'), array);
  writeFileSync(join(folder, 'stored.npz'), zipOf('x.npy', array, 0, array));
  writeFileSync(join(folder, 'packed.npz'), zipOf('x.npy', array, 8, deflateRawSync(array, { level: 1 })));
  mkdirSync(join(folder, 'files'));
  for (let row = 0; row < fileCount; row++) {
    writeFileSync(join(folder, 'files', nameOf(row)), noise.subarray(row, row + fileBytes));
  }
  execFileSync('sh', ['-c', 'tar --format=ustar -cf ../x.tar *.jpg'], { cwd: join(folder, 'files') });
}

/** A zip archive with one member. @param data as it is stored, by `method`: 0 = as it is, 8 = deflated */
function zipOf(name: string, content: Buffer, method: number, data: Buffer): Buffer {
  const fields = Buffer.alloc(26);
  fields.writeUInt16LE(20, 0);
  fields.writeUInt16LE(method, 4);
  fields.writeUInt32LE(crc32(content), 10);
  fields.writeUInt32LE(data.length, 14);
  fields.writeUInt32LE(content.length, 18);
  fields.writeUInt16LE(name.length, 22);
  const header = Buffer.concat([Buffer.from('PK\x03\x04'), fields, Buffer.from(name)]);
  const entry = Buffer.concat([Buffer.from('PK\x01\x02\x14\x00'), fields, Buffer.alloc(14), Buffer.from(name)]);
  const end = Buffer.alloc(22);
  end.write('PK\x05\x06');
  end.writeUInt16LE(1, 8);
  end.writeUInt16LE(1, 10);
  end.writeUInt32LE(entry.length, 12);
  end.writeUInt32LE(header.length + data.length, 16);
  return Buffer.concat([header, data, entry, end]);
}
