/**
 * From the start of a worker's process to its work, on a machine that has its files: a teacher until it says that it is ready
 * (model loaded, reference answers compared), a student until it trains. The programs are those of the images.
 */
import { firstRank, jobNames } from '@distillery/protocol';

import { builtNative } from '../kit/native.js';
import { connectRoot } from '../kit/stream.js';

import { BenchJob } from './job.js';
import { type BenchOptions, type BenchTable, leastAndMost, median } from './table.js';

const uid = 'bench-startup';
const limitMs = 60_000;

interface Case {
  readonly process: string;
  readonly role: 'teacher' | 'student';
  readonly phase: string;
  readonly environment: NodeJS.ProcessEnv;
}

export async function startupBench(say: (line: string) => void, options: BenchOptions): Promise<BenchTable> {
  const rounds = Number(options.rounds ?? '7');
  const folder = builtNative();
  const wasm = { DISTILL_RUNTIME: 'wasm', DISTILL_NATIVE_FOLDER: 'none' };
  const cases: Case[] = [
    { process: 'teacher, ONNX', role: 'teacher', phase: 'Ready', environment: wasm },
    { process: 'student, wasm', role: 'student', phase: 'Training', environment: wasm },
  ];
  if (folder !== null) {
    const environment = { DISTILL_RUNTIME: 'native', DISTILL_NATIVE_FOLDER: folder };
    cases.push({ process: 'student, native', role: 'student', phase: 'Training', environment });
  }
  const rows: BenchTable['rows'][number][] = [];
  for (const given of cases) {
    const seconds: number[] = [];
    // The first start reads the files into memory.
    for (let round = 0; round <= rounds; round++) {
      const took = await secondsUntil(given);
      if (round > 0) seconds.push(took);
      say(`${given.process}: ${took.toFixed(2)} s`);
    }
    rows.push({
      process: given.process,
      'until it works, s': median(seconds).toFixed(2),
      'least … most': leastAndMost(seconds, 2),
    });
  }
  return { name: 'startup', goal: 'a teacher ready in ≤ 2 s', better: { 'until it works, s': 'less' }, rows };
}

async function secondsUntil({ role, phase, environment }: Case): Promise<number> {
  const job = await BenchJob.start(uid, 1);
  const { connection } = await connectRoot(job.nats);
  try {
    const names = jobNames(uid);
    const pod = `bench-${role}`;
    const subject =
      role === 'teacher' ? names.subjects.teacher(pod) : names.subjects.state(names.stateKeys.student(firstRank));
    const states = connection.subscribe(subject);
    const timer = setTimeout(() => states.unsubscribe(), limitMs);
    const start = performance.now();
    const child = job.startProgram(role, pod, environment);
    child.on('exit', () => states.unsubscribe());
    for await (const message of states) {
      if (message.json<{ phase?: string }>().phase !== phase) continue;
      clearTimeout(timer);
      return (performance.now() - start) / 1e3;
    }
    throw new Error(`startup: the ${role} did not come to ${phase}`);
  } finally {
    await connection.close();
    await job.close();
  }
}
