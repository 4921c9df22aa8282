/**
 * The real baselines on one small trace: each way to scale on its own control plane, in real time, next to the simulator's
 * prediction for the same trace.
 *
 *   npm run bench real -- --minutes 15 --nodes 24 --jobs 8 --policies fixed,hpa,keda,distillery
 *
 * The policy `alone` plays the neighbors without jobs: it gives the wait of their pods for a real scheduler alone.
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
/** Length of a run relative to the trace; jobs that are not done by then count as not done. */
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
  // Never called: there are no jobs.
  return { start: realPolicies.fixed, trace: { ...trace, jobs: [] } };
}

/** As crowded as the simulator's default day, in minutes instead of hours. */
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
      // The default sizes except the largest, which does not fit into the cluster.
      teachersNeeded: [8, 16, 32],
      medianSeconds: minutes * 16,
      sigma: 0.5,
      // One message per step: few, large steps, which the bench process can feed easily.
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
  // Show wasted time in seconds: hours are too coarse for a run of minutes.
  return { ...Object.fromEntries(columns), policy, 'wasted s': Math.round(row.wastedTeacherSeconds) };
}
