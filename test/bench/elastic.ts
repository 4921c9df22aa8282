/**
 * Ways of scaling teachers beside each other on a simulated day of a thousand nodes: what jobs gain, what neighbors lose.
 * `--nodes` makes the cluster and what happens on it larger or smaller.
 */
import {
  compare,
  generateTrace,
  goalsAmong,
  policies,
  readParameters,
  type Row,
  tableRow,
} from '../../src/simulate/index.js';
import type { PolicyName } from '../../src/simulate/index.js';

import type { BenchOptions, BenchTable } from './table.js';

const seed = 1;
const usualNodes = 1_000;
const jobsPerNode = 0.6;

export function elasticBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const nodes = Number(options.nodes ?? usualNodes);
  const jobs = { count: Math.round(nodes * jobsPerNode) };
  const trace = generateTrace(readParameters('options', JSON.stringify({ cluster: { nodes }, jobs })), seed);
  const names = Object.keys(policies) as PolicyName[];
  const seconds = new Map<string, number>();
  const rows = timed(compare(trace, names), (policy, spent) => {
    seconds.set(policy, (seconds.get(policy) ?? 0) + spent);
  });
  const goals = goalsAmong(rows, names, trace.timings.graceSeconds);
  for (const { goal, met, found } of goals) say(`${met ? 'met' : 'missed'}: ${goal}: ${found}`);
  return Promise.resolve({
    name: 'elastic',
    goal:
      `a day of ${nodes} nodes, ${trace.neighbors.length} neighbors, ${trace.jobs.length} jobs; sooner done than each ` +
      'other policy and neighbors waiting less; ≥ 95 % of idle slots used; added wait p99 ≤ 30 s',
    rows: rows.map((row) => ({ ...tableRow(row), 'run s': (seconds.get(row.policy) ?? 0).toFixed(1) })),
  });
}

/** Adds the time between two words of progress to the policy that the second one names. */
function timed(comparison: ReturnType<typeof compare>, spend: (policy: string, seconds: number) => void): Row[] {
  for (;;) {
    const startedMs = performance.now();
    const step = comparison.next();
    if (step.done === true) return step.value;
    spend(step.value.policy, (performance.now() - startedMs) / 1_000);
  }
}
