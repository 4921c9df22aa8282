/**
 * Memory of the runtime native over many steps, what a checkpoint takes off the device costs, and how the process ends.
 *
 * Growth is the slope of the resident memory over the second half, per 1,000 steps: the first half fills caches.
 */
import { join } from 'node:path';

import { builtNative } from '../../kit/native.js';
import { type BenchOptions, type BenchTable, median } from '../table.js';
import { BlockProcess } from './block-process.js';
import { casesNamed, type StudentCase } from './cases.js';

const goal = 'no growth; a checkpoint costs ≤ 1 % of 200 steps; exit code 0';
const blocks = 20;
/** Of `student.checkpoint.everySteps`. */
const checkpointSteps = 200;

export async function enduranceBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const folder = builtNative();
  if (folder === null)
    return { name: 'endurance', goal, rows: [{ model: 'not measured: run `npm run native` first' }] };
  const steps = Number(options.steps ?? '10000');
  const rows: BenchTable['rows'][number][] = [];
  for (const given of casesNamed(options.model)) rows.push(await endured(given, folder, steps, say));
  return { name: 'endurance', goal, better: { 'CPU ms/step': 'less', 'at 100 %': 'less' }, rows };
}

async function endured(
  given: StudentCase,
  folder: string,
  steps: number,
  say: (line: string) => void,
): Promise<BenchTable['rows'][number]> {
  const trained = new BlockProcess(process.execPath, [join(import.meta.dirname, 'blocks.js'), given.name, folder], {});
  await trained.opened();
  const perBlock = Math.ceil(steps / blocks);
  const rss: number[] = [];
  const tensors: number[] = [];
  const stepCpuMs: number[] = [];
  const stateCpuMs: number[] = [];
  let stateBytes = 0;
  for (let block = 1; block <= blocks; block++) {
    const { rssBytes, cpuSeconds, result, tensors: count = NaN } = await trained.train(perBlock);
    if (!Number.isFinite(result)) throw new Error(`endurance: ${given.name}: the loss is not finite`);
    const state = await trained.state();
    stateBytes = state.result;
    rss.push(rssBytes);
    tensors.push(count);
    stepCpuMs.push((cpuSeconds / perBlock) * 1e3);
    stateCpuMs.push(state.cpuSeconds * 1e3);
    say(`${given.name}: ${String(block * perBlock)} steps, ${mebibytes(rssBytes)} MiB`);
  }
  const exitCode = await trained.close();
  const [step, state] = [median(stepCpuMs), median(stateCpuMs)];
  return {
    model: given.name,
    steps: perBlock * blocks,
    'CPU ms/step': step.toFixed(2),
    'tensors, first … last': `${String(tensors[0])} … ${String(tensors.at(-1))}`,
    'RSS at 5 %, MiB': mebibytes(rss[0] ?? NaN),
    'at 50 %': mebibytes(rss[blocks / 2 - 1] ?? NaN),
    'at 100 %': mebibytes(rss.at(-1) ?? NaN),
    'growth, KiB per 1,000 steps': ((1_000 / perBlock) * (slopeOf(rss.slice(blocks / 2)) / 1_024)).toFixed(0),
    'state, MiB': mebibytes(stateBytes),
    'state, CPU ms': state.toFixed(2),
    'share of 200 steps': `${((100 * state) / (checkpointSteps * step)).toFixed(2)} %`,
    'exit code': exitCode ?? 'signal',
  };
}

const mebibytes = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);

/** By least squares, for each place. */
export function slopeOf(values: readonly number[]): number {
  const middle = (values.length - 1) / 2;
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const parts = values.map((value, at) => ({ up: (at - middle) * (value - mean), square: (at - middle) ** 2 }));
  return parts.reduce((sum, { up }) => sum + up, 0) / parts.reduce((sum, { square }) => sum + square, 0);
}
