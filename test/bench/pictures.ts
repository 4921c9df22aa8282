/**
 * Folders of JPEG pictures as samples against the library alone (sharp), which makes the same float32 pixels in [0, 1] or only
 * the bytes that it decodes: random batches of 64 from the page cache, by the time of all processors, which other load of the
 * machine changes least. All take turns.
 *
 *   npm run bench pictures -- --rounds 5
 */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { randomFrom } from '@distillery/base';
import sharp from 'sharp';

import { type BenchOptions, type BenchTable, leastAndMost, median } from './table.js';

const sizes = [64, 128, 224];
const count = 512;
const batches = 24;
const readers = ['ours', 'floats', 'bytes'] as const;

type Reader = (typeof readers)[number];

export async function picturesBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const rounds = Number(options.rounds ?? '5');
  const rows: BenchTable['rows'][number][] = [];
  for (const size of sizes) {
    say(`${String(size)} pixels`);
    const folder = mkdtempSync(join(tmpdir(), 'distillery-bench-pictures-'));
    try {
      await writePictures(size, folder);
      rows.push(rowOf(size, folder, rounds));
    } finally {
      rmSync(folder, { recursive: true });
    }
  }
  return { name: 'pictures', goal: 'ratio at least 0.9 (samples per CPU second)', rows };
}

function rowOf(size: number, folder: string, rounds: number): BenchTable['rows'][number] {
  const times: Record<Reader, number[]> = { ours: [], floats: [], bytes: [] };
  for (let round = 0; round < rounds; round++) {
    for (const reader of readers) times[reader].push(microsecondsOf(reader, folder));
  }
  const ratios = (other: Reader): number[] => times[other].map((time, round) => time / (times.ours[round] ?? NaN));
  const floats = ratios('floats');
  return {
    pixels: `${String(size)} x ${String(size)}`,
    'samples/CPU s': Math.round(1e6 / median(times.ours)),
    'library, float32': Math.round(1e6 / median(times.floats)),
    'library, bytes': Math.round(1e6 / median(times.bytes)),
    ratio: median(floats).toFixed(2),
    'least … most': leastAndMost(floats, 2),
    'ratio to bytes': median(ratios('bytes')).toFixed(2),
  };
}

/** Of one picture. */
function microsecondsOf(reader: Reader, folder: string): number {
  const program = join(import.meta.dirname, 'picture-reader.js');
  const text = execFileSync(process.execPath, [program, reader, folder, String(batches)], { encoding: 'utf8' });
  const { microseconds, pictures } = JSON.parse(text) as { microseconds: number; pictures: number };
  return microseconds / pictures;
}

/** Patches of color, so that the files are about as large as those of photographs. */
async function writePictures(size: number, folder: string): Promise<void> {
  const random = randomFrom(size);
  for (let at = 0; at < count; at++) {
    const patches = Uint8Array.from({ length: 8 * 8 * 3 }, () => random.below(256));
    const raw = { width: 8, height: 8, channels: 3 } as const;
    const jpeg = await sharp(patches, { raw }).resize(size, size).jpeg({ quality: 90 }).toBuffer();
    writeFileSync(join(folder, `${String(at).padStart(4, '0')}.jpg`), jpeg);
  }
}
