/**
 * The baselines for real, on one small trace: each way to scale on a control plane of its own, in real time, and beside it
 * what the simulator foretells of the same trace.
 *
 *   npm run bench real -- --minutes 15 --nodes 24 --jobs 8 --policies fixed,hpa,keda,distillery
 *
 * The policy `alone` plays the neighbors without any job: what their pods wait for a real scheduler by itself.
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

import { type Play, play } from './play.js';
import { isRealPolicy, type RealPolicy, realPolicies } from './policies.js';

const withoutJobs = 'alone';
type Played = RealPolicy | typeof withoutJobs;

const seed = 1;
/** Longer than the trace by this: what is not done by then is told as not done. */
const tail = 1.15;

export async function realBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const minutes = Number(options.minutes ?? 15);
  const names = (options.policies ?? Object.keys(realPolicies).join(',')).split(',').map(checked);
  const trace = smallTrace(minutes, Number(options.nodes ?? 24), Number(options.jobs ?? 8));
  const cutOffSeconds = minutes * 60 * tail;
  const alone = simulated(trace, withoutJobs, cutOffSeconds);
  const rows: BenchTable['rows'][number][] = [];
  for (const name of names) {
    say(`${name}: ${String(Math.round(cutOffSeconds / 60))} minutes at most`);
    const sayOf = (line: string): void => say(`${name}: ${line}`);
    const real = await play({ ...played(trace, name), name, cutOffSeconds, say: sayOf });
    rows.push(shown(rowOf(real, alone), name));
    rows.push(shown(rowOf(simulated(trace, name, cutOffSeconds), alone), '… as simulated'));
  }
  return {
    name: 'real',
    goal:
      `${String(minutes)} minutes of ${String(trace.nodes.length)} nodes, ${String(trace.neighbors.length)} neighbors, ` +
      `${String(trace.jobs.length)} jobs, in real time; beside each the simulator's forecast`,
    rows,
  };
}

function checked(name: string): Played {
  if (name === withoutJobs || isRealPolicy(name)) return name;
  const expected = [...Object.keys(realPolicies), withoutJobs].join(', ');
  throw new Error(`--policies: found ${name}, expected some of ${expected}`);
}

function played(trace: Trace, name: Played): Pick<Play, 'start' | 'trace'> {
  if (name !== withoutJobs) return { start: realPolicies[name], trace };
  // No job calls it.
  return { start: realPolicies.fixed, trace: { ...trace, jobs: [] } };
}

/** As crowded as the simulator's usual day, in minutes instead of hours. */
function smallTrace(minutes: number, nodes: number, count: number): Trace {
  const hours = minutes / 60;
  const parameters = {
    hours,
    cluster: { nodes },
    neighbors: { medianSeconds: minutes * 4, sigma: 1 },
    jobs: {
      count,
      fromHour: 0,
      untilHour: hours * 0.4,
      // The usual ones but the largest, of which the cluster has no room for one.
      teachersNeeded: [8, 16, 32],
      medianSeconds: minutes * 16,
      sigma: 0.5,
      // One message a step: fewer, larger steps, that a bench process can feed by the way.
      batchSize: 256,
    },
  };
  return generateTrace(readParameters('options', JSON.stringify(parameters)), seed);
}

function simulated(trace: Trace, name: Played, cutOffSeconds: number): Outcome {
  const running = simulation(trace, name === withoutJobs ? null : policies[name](), cutOffSeconds);
  while (running.proceed(Infinity)) continue;
  return running.outcome();
}

function shown(row: Row, policy: string): Record<string, string | number> {
  const columns = Object.entries(tableRow(row)).filter(([column]) => column !== 'wasted h');
  // Hours are too coarse for minutes.
  return { ...Object.fromEntries(columns), policy, 'wasted s': Math.round(row.wastedTeacherSeconds) };
}
