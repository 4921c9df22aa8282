/**
 * Our compiled steps beside Python's: the same wheel, topology, loss, optimizer and number of threads, one process each, and
 * blocks of steps in turn, since the speed of a machine drifts.
 *
 *   ratio = our samples per CPU second ÷ those of the better of tf.function and train_on_batch, block by block
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { builtNative } from '../../kit/native.js';
import { type BenchOptions, type BenchTable, leastAndMost, median } from '../table.js';
import { type Block, BlockProcess } from './block-process.js';
import { casesNamed, loss, type StudentCase } from './cases.js';
import { pythonWithTensorflow } from './python-home.js';

const goal = 'ratio ≥ 1.0, memory ≤ 1.1 (samples per CPU second; wall time only means something on a quiet machine)';
const warmUpSteps = 40;
const blockSteps = 25;
const ways = ['tf.function', 'train_on_batch'] as const;

type Row = BenchTable['rows'][number];

export async function pythonBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const folder = builtNative();
  if (folder === null) return { name: 'python', goal, rows: [{ model: 'not measured: run `npm run native` first' }] };
  const found = await pythonWithTensorflow(folder, say);
  if ('missing' in found) return { name: 'python', goal, rows: [{ model: `not measured: ${found.missing}` }] };
  const threads = options.threads ?? '1';
  const rounds = Number(options.rounds ?? '9');
  const rows: Row[] = [];
  for (const given of casesNamed(options.model))
    rows.push(await compared(given, { ...found, folder, threads, rounds, say }));
  return { name: 'python', goal, better: { ratio: 'more', 'memory ratio': 'less' }, rows };
}

interface Settings {
  readonly python: string;
  readonly folder: string;
  readonly threads: string;
  readonly rounds: number;
  readonly say: (line: string) => void;
}

async function compared(given: StudentCase, { python, folder, threads, rounds, say }: Settings): Promise<Row> {
  const place = mkdtempSync(join(tmpdir(), 'distill-python-'));
  const file = join(place, 'case.json');
  writeFileSync(file, JSON.stringify({ ...given, loss }));
  const script = join(import.meta.dirname, '../../../../test/bench/native/blocks.py');
  const environment = { TF_CPP_MIN_LOG_LEVEL: '3', TF_ENABLE_ONEDNN_OPTS: '1', CUDA_VISIBLE_DEVICES: '' };
  const own = new BlockProcess(
    process.execPath,
    [join(import.meta.dirname, 'blocks.js'), given.name, folder, threads],
    environment,
  );
  const rivals = ways.map((way) => new BlockProcess(python, [script, file, way, threads], environment));
  const all = [own, ...rivals];
  try {
    const opened = await Promise.all(all.map((each) => each.opened()));
    const [{ parameters } = { parameters: 0 }] = opened;
    if (opened.some((each) => each.parameters !== parameters)) {
      throw new Error(`python: ${given.name}: models of ${opened.map((each) => each.parameters).join(', ')} weights`);
    }
    for (const each of all) await each.train(warmUpSteps);
    const blocks: Block[][] = all.map(() => []);
    for (let round = 0; round < rounds; round++) {
      for (const [at, each] of all.entries()) blocks[at]?.push(await each.train(blockSteps));
      say(
        `${given.name}: round ${String(round + 1)} of ${String(rounds)}: ratio ${ratiosOf(blocks, cpu).at(-1)?.toFixed(3) ?? ''}`,
      );
    }
    return rowOf(given, parameters, blocks);
  } finally {
    await Promise.all(all.map((each) => each.close()));
    rmSync(place, { recursive: true, force: true });
  }
}

const cpu = ({ cpuSeconds }: Block): number => cpuSeconds;
const wall = ({ wallSeconds }: Block): number => wallSeconds;

/** Of each round: how many times as fast as the better rival. */
function ratiosOf([own = [], ...rivals]: readonly (readonly Block[])[], seconds: (block: Block) => number): number[] {
  return own.map((block, round) => {
    const best = Math.min(...rivals.map((rival) => seconds(rival[round] ?? block)));
    return best / seconds(block);
  });
}

function rowOf(given: StudentCase, parameters: number, blocks: readonly (readonly Block[])[]): Row {
  const perCpuSecond = (of: readonly Block[] = []): number =>
    Math.round((blockSteps * given.batch) / median(of.map(cpu)));
  const mebibytes = (of: readonly Block[] = []): number =>
    Math.round(Math.max(...of.map(({ peakRssBytes }) => peakRssBytes)) / 2 ** 20);
  const ratios = ratiosOf(blocks, cpu);
  const [own, compiled, onBatch] = blocks;
  const rivalMemory = Math.min(mebibytes(compiled), mebibytes(onBatch));
  return {
    model: given.name,
    weights: parameters,
    batch: given.batch,
    'ours, samples/CPU s': perCpuSecond(own),
    'tf.function': perCpuSecond(compiled),
    train_on_batch: perCpuSecond(onBatch),
    ratio: median(ratios).toFixed(3),
    'least … most': leastAndMost(ratios, 3),
    'ratio by wall time': median(ratiosOf(blocks, wall)).toFixed(3),
    'memory, MiB': `${String(mebibytes(own))} of ${String(rivalMemory)}`,
    'memory ratio': (mebibytes(own) / rivalMemory).toFixed(2),
  };
}
