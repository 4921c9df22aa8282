/**
 * Reading rows of CSV, JSON lines and Parquet in batches of 64, in order and at random, against the library of the format
 * alone. Each reading is a process of its own with a heap of `heapMiB`, and opens the file itself. "At random" the library has
 * all rows of a text file in memory.
 *
 *   npm run bench tables -- --mib 1024
 */
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { randomFrom } from '@distillery/base';
import { parquetWriteFile } from 'hyparquet-writer';

import type { BenchOptions, BenchTable } from './table.js';

const defaultMiB = 16;
/** Rows of a large file do not fit into it as objects: growth shows as an exit. */
const heapMiB = 256;
const secondsEach = 10;
/** The writer holds all rows. */
const maxParquetMiB = 128;
const floats = 12;
const words = ['cat', 'dog', 'a long walk', 'said "no", twice', 'blue', 'été'];
const orders = ['sequential', 'random'] as const;

interface Measured {
  readonly rows: number;
  readonly cpuSeconds: number;
  readonly openSeconds: number;
  readonly peakMiB: number;
}

// eslint-disable-next-line @typescript-eslint/require-await
export async function tablesBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const sizeMiB = Number(options.mib ?? defaultMiB);
  const folder = mkdtempSync(join(tmpdir(), 'distillery-tables-'));
  try {
    const rows: BenchTable['rows'][number][] = [];
    for (const format of ['csv', 'jsonl', 'parquet'] as const) {
      const path = join(folder, `x.${format}`);
      const length =
        format === 'parquet' ? writeParquet(path, Math.min(sizeMiB, maxParquetMiB)) : writeText(path, format, sizeMiB);
      const size = Math.round(statSync(path).size / 2 ** 20);
      for (const order of orders) {
        const [ours, library] = ['ours', 'library'].map((reader) => {
          say(`${format}, ${String(size)} MiB, ${order}, ${reader}`);
          return measured([format, reader, order, path, String(length), String(secondsEach)]);
        });
        rows.push({ format, MiB: size, rows: length, order, ...compared(ours ?? null, library ?? null) });
      }
      rmSync(path);
    }
    return { name: 'tables', goal: 'at least 0.9 of the library alone, in bounded memory', rows };
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** @returns null for a process that ended before it was done, as one does that runs out of memory */
function measured(args: readonly string[]): Measured | null {
  const program = join(import.meta.dirname, 'table-reader.js');
  const { status, stdout } = spawnSync(
    process.execPath,
    [`--max-old-space-size=${String(heapMiB)}`, program, ...args],
    {
      encoding: 'utf8',
    },
  );
  return status === 0 ? (JSON.parse(stdout) as Measured) : null;
}

function compared(ours: Measured | null, library: Measured | null): Record<string, string | number> {
  const speed = (of: Measured | null): number => (of === null ? 0 : of.rows / of.cpuSeconds);
  const text = (of: Measured | null, value: (of: Measured) => number): string | number =>
    of === null ? 'does not fit' : Math.round(value(of));
  return {
    'rows/CPU s': text(ours, speed),
    'library rows/CPU s': text(library, speed),
    ratio: library === null ? '' : (speed(ours) / speed(library)).toFixed(2),
    'open CPU s': ours === null ? '' : ours.openSeconds.toFixed(2),
    'peak MiB': text(ours, (of) => of.peakMiB),
    'library peak MiB': text(library, (of) => of.peakMiB),
  };
}

/** Rows with a text, a class and numbers. @returns their number */
function writeText(path: string, format: 'csv' | 'jsonl', sizeMiB: number): number {
  const random = randomFrom(7);
  const file = openSync(path, 'w');
  const names = ['text', 'label', ...Array.from({ length: floats }, (_, at) => `x${String(at)}`)];
  let bytes = format === 'csv' ? writeSync(file, `${names.join()}\n`) : 0;
  let rows = 0;
  while (bytes < sizeMiB * 2 ** 20) {
    const chunk = Array.from({ length: 1_000 }, () => {
      const text = words[random.below(words.length)] ?? '';
      const values = [random.below(10), ...Array.from({ length: floats }, () => Number(random.unit().toFixed(6)))];
      if (format === 'csv') return `"${text.replaceAll('"', '""')}",${values.join()}\n`;
      return `${JSON.stringify(Object.fromEntries(names.map((name, at) => [name, at === 0 ? text : values[at - 1]])))}\n`;
    });
    bytes += writeSync(file, chunk.join(''));
    rows += chunk.length;
  }
  closeSync(file);
  return rows;
}

/** The same kind of rows; float32 and texts, snappy, in groups of 10,000 rows. */
function writeParquet(path: string, sizeMiB: number): number {
  const random = randomFrom(7);
  const rows = Math.floor((sizeMiB * 2 ** 20) / (4 * floats + 12));
  const texts = Array.from({ length: rows }, (_, at) => `${words[at % words.length] ?? ''} ${String(at)}`);
  const labels = Int32Array.from({ length: rows }, () => random.below(10));
  const columnData = [
    { name: 'text', data: texts, type: 'STRING' as const },
    { name: 'label', data: labels, type: 'INT32' as const },
    ...Array.from({ length: floats }, (_, at) => ({
      name: `x${String(at)}`,
      data: Float32Array.from({ length: rows }, () => random.unit()),
      type: 'FLOAT' as const,
    })),
  ];
  parquetWriteFile({ filename: path, columnData, rowGroupSize: 10_000, pageSize: 1 << 14 });
  return rows;
}
