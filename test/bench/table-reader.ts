/**
 * One measurement of the benchmark `tables` in a process of its own, so that its peak memory is its own:
 * `node table-reader.js <format> <ours | library> <sequential | random> <path> <rows> <seconds>`. Prints the rows that were
 * read, the CPU time that they took, which a loaded machine changes least, and the peak memory as JSON.
 */
import { createReadStream, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

import { randomFrom } from '@distillery/base';
import { parse as parseStream } from 'csv-parse';
import { parse as parseWhole } from 'csv-parse/sync';
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects } from 'hyparquet';
import { compressors } from 'hyparquet-compressors';

import { openCsv, openJsonl, openParquet, type Table } from '../../workers/tables/index.js';

const batchRows = 64;
type Format = 'csv' | 'jsonl' | 'parquet';
/** Rows that were read so far. */
type Reading = AsyncGenerator<number, void>;

const [format = '', reader = '', order = '', path = '', rows = '', seconds = ''] = process.argv.slice(2);

async function main(): Promise<void> {
  const length = Number(rows);
  const reading = reader === 'ours' ? ours(format as Format, length) : library(format as Format, length);
  let before = process.cpuUsage();
  // The opening, which gives 0 rows, counts for rows in order, as reading the file counts for a library.
  await reading.next();
  const opening = process.cpuUsage(before);
  if (order === 'random') before = process.cpuUsage();
  const deadline = performance.now() + Number(seconds) * 1_000;
  let read = 0;
  for await (read of reading) if (performance.now() > deadline) break;
  const peakMiB = process.resourceUsage().maxRSS / 1_024;
  const { user, system } = process.cpuUsage(before);
  const openSeconds = (opening.user + opening.system) / 1e6;
  process.stdout.write(JSON.stringify({ rows: read, cpuSeconds: (user + system) / 1e6, openSeconds, peakMiB }));
}

async function* ours(of: Format, length: number): Reading {
  const table: Table = await { csv: openCsv, jsonl: openJsonl, parquet: openParquet }[of](path);
  const names = table.columns.map(({ name }) => name);
  yield 0;
  if (order === 'sequential') {
    for (let start = 0; start < length; start += batchRows) {
      const wanted = Array.from({ length: Math.min(batchRows, length - start) }, (_, at) => start + at);
      await table.read(wanted, names);
      yield start + wanted.length;
    }
  } else {
    for (const { batch, read } of randomBatches(length)) {
      await table.read(batch, names);
      yield read;
    }
  }
  await table.close();
}

function* randomBatches(length: number): Generator<{ batch: readonly number[]; read: number }> {
  const random = randomFrom(1);
  for (let read = batchRows; read <= length; read += batchRows) {
    yield { batch: Array.from({ length: batchRows }, () => random.below(length)), read };
  }
}

/** The library alone, in the way that it offers: a stream for rows in order, and all of a text file in memory for others. */
async function* library(of: Format, length: number): Reading {
  if (of === 'parquet') {
    yield* parquetAlone(length);
    return;
  }
  if (order === 'sequential') {
    yield 0;
    let read = 0;
    const stream = createReadStream(path);
    const records: AsyncIterable<unknown> = of === 'csv' ? stream.pipe(parseStream({ columns: true })) : lines(stream);
    for await (const record of records) if (record !== null && ++read % batchRows === 0) yield read;
    yield read;
    return;
  }
  const text = readFileSync(path, 'utf8');
  const all: readonly object[] =
    of === 'csv'
      ? parseWhole<object>(text, { columns: true })
      : text.split('\n').flatMap((line) => (line === '' ? [] : [JSON.parse(line) as object]));
  yield 0;
  let kept = 0;
  for (const { batch, read } of randomBatches(length)) {
    kept += batch.map((row) => all[row]).length;
    yield Math.min(read, kept);
  }
}

async function* lines(stream: NodeJS.ReadableStream): AsyncGenerator {
  for await (const line of createInterface({ input: stream })) yield JSON.parse(line) as unknown;
}

async function* parquetAlone(length: number): Reading {
  const file = await asyncBufferFromFile(path);
  const metadata = await parquetMetadataAsync(file);
  yield 0;
  const options = { file, metadata, compressors, utf8: false, useOffsetIndex: true };
  if (order === 'sequential') {
    let rowStart = 0;
    for (const group of metadata.row_groups) {
      const rowEnd = rowStart + Number(group.num_rows);
      await parquetReadObjects({ ...options, rowStart, rowEnd });
      yield (rowStart = rowEnd);
    }
    return;
  }
  for (const { batch, read } of randomBatches(length)) {
    for (const row of batch) await parquetReadObjects({ ...options, rowStart: row, rowEnd: row + 1 });
    yield read;
  }
}

await main();
