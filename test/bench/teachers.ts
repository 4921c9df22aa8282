/**
 * Labels a second of a whole machine: teachers as a node has them, against the best that ONNX Runtime alone reaches there with
 * any batch and any split of the cores, and against the library with theirs. All compute the example's teacher on the same
 * pictures, in processes that take turns.
 *
 *   ratio = labels of our teachers ÷ labels of the best sessions in the same round
 */
import { execFile } from 'node:child_process';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { type BenchOptions, type BenchTable, leastAndMost, median } from './table.js';

export interface Labeling {
  readonly who: 'ours' | 'library';
  /** Sessions or teachers beside each other. */
  readonly workers: number;
  /** Of one operation. */
  readonly threads: number;
  readonly batch: number;
  readonly seconds: number;
}

const run = promisify(execFile);
const seconds = 3;
/** Of the example. */
const jobBatch = 128;
const batches = [16, 32, 64, 128, 256];

export async function teachersBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const rounds = Number(options.rounds ?? '5');
  const cores = availableParallelism();
  const splits = [
    { workers: cores, threads: 1 },
    { workers: 1, threads: cores },
  ];
  const tried = splits.flatMap((split) => batches.map((batch) => ({ ...split, batch })));
  const first = await inTurn(tried, (each) => labels({ who: 'library', seconds: 2, ...each }));
  const best = tried[first.indexOf(Math.max(...first))] ?? { workers: 1, threads: 1, batch: jobBatch };
  say(`the best of ${String(tried.length)}: ${nameOf(best)}`);
  const rows: BenchTable['rows'][number][] = [];
  for (const split of splits) {
    const ours: number[] = [];
    const theirs: number[] = [];
    const same: number[] = [];
    for (let round = 0; round < rounds; round++) {
      ours.push(await labels({ who: 'ours', ...split, batch: jobBatch, seconds }));
      theirs.push(await labels({ who: 'library', ...best, seconds }));
      same.push(await labels({ who: 'library', ...split, batch: jobBatch, seconds }));
      say(`${nameOf(split)}: ratio ${((ours.at(-1) ?? NaN) / (theirs.at(-1) ?? NaN)).toFixed(3)}`);
    }
    const ratios = ours.map((own, round) => own / (theirs[round] ?? NaN));
    rows.push({
      teachers: nameOf(split),
      'ours, labels/s': Math.round(median(ours)),
      'best of the library': Math.round(median(theirs)),
      'which is': nameOf(best),
      ratio: median(ratios).toFixed(3),
      'least … most': leastAndMost(ratios, 3),
      'of the same batch and split': median(ours.map((own, round) => own / (same[round] ?? NaN))).toFixed(3),
    });
  }
  return { name: 'teachers', goal: 'ratio ≥ 0.95', better: { ratio: 'more' }, rows };
}

function nameOf({ workers, threads, batch }: { workers: number; threads: number; batch?: number }): string {
  const of = batch === undefined ? '' : `, batch ${String(batch)}`;
  return `${String(workers)} × ${String(threads)} thread${threads === 1 ? '' : 's'}${of}`;
}

async function inTurn<Item>(items: readonly Item[], work: (item: Item) => Promise<number>): Promise<number[]> {
  const results: number[] = [];
  for (const item of items) results.push(await work(item));
  return results;
}

/** Labels a second of all workers together, each a process. */
async function labels({ workers, ...labeling }: Labeling): Promise<number> {
  const program = join(import.meta.dirname, 'labeling.js');
  const one = async (): Promise<number> => {
    const { stdout } = await run(process.execPath, [program, JSON.stringify(labeling)]);
    return Number(stdout);
  };
  const rates = await Promise.all(Array.from({ length: workers }, one));
  return rates.reduce((sum, rate) => sum + rate, 0);
}
