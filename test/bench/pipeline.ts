/**
 * Efficiency of the whole pipeline relative to its parts: the real student process with steps of a fixed time, a real
 * nats-server, teachers as remote devices of a fixed service time.
 *
 *   efficiency = student's rate in the system ÷ min(student alone on ready frames, Σ teachers)
 *
 * Pairs are repeated until their efficiencies differ by no more than 2 %, or until it is clear that they will not.
 */
import type { TimedRate } from './steps.js';
import type { BenchOptions, BenchTable } from './table.js';
import { median } from './table.js';
import { samplesPerStep, timedRun } from './timed-run.js';

const devices = 4;
const stepMs = 50;
const settling = 60;
const measured = 340;
const leastPairs = 3;
const wantedSpread = 0.02;

const loads = [
  { name: 'teachers bind: Σ teachers = 0.8 × student', load: 0.8 },
  { name: 'student binds: Σ teachers = 1.5 × student', load: 1.5 },
  { name: 'student binds: Σ teachers = 3 × student', load: 3 },
];

export async function pipelineBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const mostPairs = Number(options.rounds ?? '8');
  const rows: BenchTable['rows'][number][] = [];
  for (const { name, load } of loads) {
    const serviceMs = Math.round((devices * stepMs) / load);
    const pairs: { efficiency: number; alone: TimedRate; system: TimedRate }[] = [];
    do {
      const run = { stepMs, settling, measured };
      const alone = await timedRun({ ...run, teachers: null });
      const system = await timedRun({ ...run, teachers: { devices, serviceMs } });
      const possible = Math.min(alone.stepsPerSecond, (1_000 * devices) / serviceMs);
      const efficiency = system.stepsPerSecond / possible;
      pairs.push({ efficiency, alone, system });
      say(`${name}: pair ${String(pairs.length)}: efficiency ${efficiency.toFixed(3)}`);
    } while (pairs.length < mostPairs && (pairs.length < leastPairs || spreadOf(pairs) > wantedSpread));
    const waited = median(pairs.map(({ system }) => system.waited));
    // A student that is faster than its teachers waits for the difference, whatever the pipeline does.
    const inherent = Math.max(
      0,
      1 - (1_000 * devices) / serviceMs / median(pairs.map(({ alone }) => alone.stepsPerSecond)),
    );
    const perSecond = (rate: (pair: (typeof pairs)[number]) => TimedRate): number =>
      Math.round(median(pairs.map((pair) => rate(pair).stepsPerSecond)) * samplesPerStep);
    rows.push({
      case: name,
      pairs: pairs.length,
      'student alone, samples/s': perSecond(({ alone }) => alone),
      'in the system, samples/s': perSecond(({ system }) => system),
      efficiency: median(pairs.map(({ efficiency }) => efficiency)).toFixed(3),
      'spread, %': (100 * spreadOf(pairs)).toFixed(1),
      'waited, %': (100 * waited).toFixed(1),
      'of that inherent, %': (100 * inherent).toFixed(1),
      'avoidable, %': (100 * Math.max(0, waited - inherent)).toFixed(1),
    });
  }
  return {
    name: 'pipeline',
    goal: 'efficiency ≥ 0.97, spread ≤ 2 %, avoidable wait ≤ 1 %',
    better: { efficiency: 'more', 'avoidable, %': 'less' },
    rows,
  };
}

/** Of the efficiencies: the largest less the least, as a part of the median. */
function spreadOf(pairs: readonly { readonly efficiency: number }[]): number {
  const values = pairs.map(({ efficiency }) => efficiency);
  return (Math.max(...values) - Math.min(...values)) / median(values);
}
