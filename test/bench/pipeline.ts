/**
 * Efficiency of the whole pipeline relative to its parts: the real student process on the MNIST example, a real
 * nats-server, teachers as remote devices of a fixed service time.
 *
 *   efficiency = student's rate in the system ÷ min(student alone on ready frames, Σ teachers)
 */
import { BenchJob, exampleBatchSize, type StudentRate } from './job.js';
import { type BenchTable, median } from './table.js';

const devices = 4;
const pairs = 3;

const loads = [
  { name: 'teachers bind: Σ teachers = 0.8 × student', load: 0.8 },
  { name: 'student binds: Σ teachers = 1.5 × student', load: 1.5 },
  { name: 'student binds: Σ teachers = 3 × student', load: 3 },
];

export async function pipelineBench(say: (line: string) => void): Promise<BenchTable> {
  const rows: Record<string, string | number>[] = [];
  for (const { name, load } of loads) {
    const runs: { efficiency: number; alone: number; system: StudentRate }[] = [];
    for (let pair = 1; pair <= pairs; pair++) {
      // Measure each pair together: the machine's speed drifts.
      const { samplesPerSecond: alone } = await measure({ kind: 'ready' });
      const serviceMs = Math.max(1, Math.round((1_000 * devices * exampleBatchSize) / (load * alone)));
      const teachers = (1_000 * devices * exampleBatchSize) / serviceMs;
      const system = await measure({ kind: 'live', serviceMs });
      const efficiency = system.samplesPerSecond / Math.min(alone, teachers);
      runs.push({ efficiency, alone, system });
      say(`${name}: pair ${pair} of ${pairs}: efficiency ${efficiency.toFixed(3)}`);
    }
    const efficiencies = runs.map(({ efficiency }) => efficiency);
    rows.push({
      case: name,
      'student alone, samples/s': Math.round(median(runs.map(({ alone }) => alone))),
      'in the system, samples/s': Math.round(median(runs.map(({ system }) => system.samplesPerSecond))),
      efficiency: median(efficiencies).toFixed(3),
      'least … most': `${Math.min(...efficiencies).toFixed(3)} … ${Math.max(...efficiencies).toFixed(3)}`,
      'share waited': median(runs.map(({ system }) => system.waitFraction)).toFixed(3),
    });
  }
  return { name: 'pipeline', goal: 'efficiency ≥ 0.9 now, ≥ 0.97 later', rows };
}

type Mode = { readonly kind: 'ready' } | { readonly kind: 'live'; readonly serviceMs: number };

async function measure(mode: Mode): Promise<StudentRate> {
  const job = await BenchJob.start(`bench-${mode.kind}`, 1);
  try {
    if (mode.kind === 'ready') await job.storeAllFrames();
    else job.startTeachers('bench-teachers', { devices, serviceMs: mode.serviceMs });
    return await job.watch(job.startStudent());
  } finally {
    await job.close();
  }
}
