/**
 * The baselines for real, on one small trace: each way to scale on a control plane of its own, in real time, and beside it
 * what the simulator foretells of the same trace.
 *
 *   npm run bench real -- --minutes 15 --nodes 12 --jobs 8 --policies fixed,hpa,keda,distillery
 */
import {
  generateTrace,
  type Outcome,
  policies,
  readParameters,
  type Row,
  rowOf,
  simulation,
  tableRow,
  type Trace,
} from '../../../src/simulate/index.js';
import type { BenchOptions, BenchTable } from '../table.js';

import { play } from './play.js';
import { isRealPolicy, type RealPolicy, realPolicies } from './policies.js';

const seed = 1;
/** Longer than the trace by this: what is not done by then is told as not done. */
const tail = 1.15;

export async function realBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const minutes = Number(options.minutes ?? 15);
  const names = (options.policies ?? Object.keys(realPolicies).join(',')).split(',').map(checked);
  const trace = smallTrace(minutes, Number(options.nodes ?? 12), Number(options.jobs ?? 8));
  const cutOffSeconds = minutes * 60 * tail;
  const alone = simulated(trace, null, cutOffSeconds);
  const rows: BenchTable['rows'][number][] = [];
  for (const name of names) {
    say(`${name}: ${String(Math.round(cutOffSeconds / 60))} minutes at most`);
    const sayOf = (line: string): void => say(`${name}: ${line}`);
    const real = await play({ name, start: realPolicies[name], trace, cutOffSeconds, say: sayOf });
    const row = rowOf(real, alone);
    const forecast = rowOf(simulated(trace, name, cutOffSeconds), alone);
    rows.push(shown(row, name), shown(forecast, '… as simulated'));
    say(`${name}: ${JSON.stringify(rows.slice(-2))}`);
  }
  return {
    name: 'real',
    goal:
      `${String(minutes)} minutes of ${String(trace.nodes.length)} nodes, ${String(trace.neighbours.length)} neighbours, ` +
      `${String(trace.jobs.length)} jobs, in real time; beside each the simulator's forecast`,
    rows,
  };
}

function checked(name: string): RealPolicy {
  if (isRealPolicy(name)) return name;
  throw new Error(`--policies: found ${name}, expected some of ${Object.keys(realPolicies).join(', ')}`);
}

/** As crowded as the simulator's usual day, in minutes instead of hours. */
function smallTrace(minutes: number, nodes: number, count: number): Trace {
  const hours = minutes / 60;
  const parameters = {
    hours,
    cluster: { nodes },
    neighbours: { medianSeconds: minutes * 4, sigma: 1 },
    jobs: {
      count,
      fromHour: 0,
      untilHour: hours * 0.4,
      teachersNeeded: [4, 8, 16],
      medianSeconds: minutes * 16,
      sigma: 0.5,
      // One message a step: fewer, larger steps, that a bench process can feed by the way.
      batchSize: 256,
    },
  };
  return generateTrace(readParameters('options', JSON.stringify(parameters)), seed);
}

/** @param name null = without teachers */
function simulated(trace: Trace, name: RealPolicy | null, cutOffSeconds: number): Outcome {
  const running = simulation(trace, name === null ? null : policies[name](), cutOffSeconds);
  while (running.proceed(Infinity)) continue;
  return running.outcome();
}

function shown(row: Row, policy: string): Record<string, string | number> {
  const { 'wasted h': _, ...columns } = tableRow(row);
  return { ...columns, policy, 'wasted s': Math.round(row.wastedTeacherSeconds) };
}
