/**
 * One measurement of the benchmark `pictures` in a process of its own, which pays for its own garbage:
 * `node picture-reader.js <ours | floats | bytes> <folder> <batches>`. Reads random batches of the JPEG files in a folder and prints
 * the CPU time in microseconds and the number of pictures as JSON.
 */
import { readdirSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';

import { randomFrom } from '@distillery/base';
import sharp from 'sharp';

import { openDataset } from '../../workers/data/index.js';

const batch = 64;
const warmUps = 4;
/** As many as a worker decodes at once. */
const lanes = 4;

const [reader = '', folder = '', batches = ''] = process.argv.slice(2);

type Read = (rows: readonly number[]) => Promise<unknown>;

async function ours(): Promise<Read> {
  const { train } = await openDataset({ format: 'imageFolder', uri: `file://${folder}` });
  return (rows) => train.read(rows);
}

/**
 * The library alone: reads and decodes, with the settings of our decoder that cost or save time, and keeps nothing.
 * @param floats pixels in [0, 1] as samples have them, or bytes
 */
function library(names: readonly string[], floats: boolean): Read {
  sharp.concurrency(1);
  sharp.cache(false);
  sharp.simd(false);
  return async (rows) => {
    let next = 0;
    const lane = async (): Promise<void> => {
      for (let at = next++; at < rows.length; at = next++) {
        const bytes = await readFile(join(folder, names[rows[at] ?? 0] ?? ''));
        const picture = sharp(bytes, { sequentialRead: true });
        await (floats ? picture.linear(1 / 255).raw({ depth: 'float' }) : picture.raw()).toBuffer();
      }
    };
    await Promise.all(Array.from({ length: lanes }, lane));
  };
}

const names = readdirSync(folder);
const read = reader === 'ours' ? await ours() : library(names, reader === 'floats');
const random = randomFrom(1);
const draw = (): readonly number[] => Array.from({ length: batch }, () => random.below(names.length));
for (let round = 0; round < warmUps; round++) await read(draw());
const before = process.cpuUsage();
for (let round = 0; round < Number(batches); round++) await read(draw());
const { user, system } = process.cpuUsage(before);
process.stdout.write(JSON.stringify({ microseconds: user + system, pictures: batch * Number(batches) }));
