/**
 * How much of its parts' speed the whole pipeline keeps: the real student process on the MNIST example, a real
 * nats-server, teachers as remote devices of a fixed service time.
 *
 *   efficiency = student's rate in the system ÷ min(student alone on ready frames, Σ teachers)
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { readJob } from '../../src/api/index.js';
import { encodeFrame, jobNames, type Manifest, schedule, type StudentState } from '../../src/protocol/index.js';
import { manifestOf } from '../../src/render/index.js';
import type { StreamAdmin } from '../../src/stream/index.js';
import { publishFrame } from '../../workers/stream/index.js';
import { type PasswordLogin, startTestNats, type TestNats } from '../kit/nats.js';
import { connectAdmin, connectAs, streamsOf } from '../kit/stream.js';

import { type BenchTable, median } from './table.js';

const compiled = import.meta.dirname;
const example = join(compiled, '../../../examples/mnist');
const studentScript = join(compiled, '../../workers/student/main.js');
const trainSamples = 60_000;
const columns = 10;
const devices = 4;
const pairs = 3;
/** Share of the steps that is measured: neither the start nor the last, emptying window. */
const measured = { from: 0.15, to: 0.95 };

interface Measured {
  readonly samplesPerSecond: number;
  /** Mean share of the compute thread's time that it waited. */
  readonly waitFraction: number;
}

const loads = [
  { name: 'teachers bind: Σ teachers = 0.8 × student', load: 0.8 },
  { name: 'student binds: Σ teachers = 1.5 × student', load: 1.5 },
  { name: 'student binds: Σ teachers = 3 × student', load: 3 },
];

export async function pipelineBench(say: (line: string) => void): Promise<BenchTable> {
  const rows: Record<string, string | number>[] = [];
  for (const { name, load } of loads) {
    const runs: { efficiency: number; alone: number; system: Measured }[] = [];
    for (let pair = 1; pair <= pairs; pair++) {
      // Side by side, each pair anew: the machine's speed drifts.
      const alone = (await measure({ kind: 'ready' })).samplesPerSecond;
      const { batchSize } = exampleManifest('any').training;
      const serviceMs = Math.max(1, Math.round((1_000 * devices * batchSize) / (load * alone)));
      const teachers = (1_000 * devices * batchSize) / serviceMs;
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

async function measure(mode: Mode): Promise<Measured> {
  const uid = `bench-${mode.kind}`;
  const folder = mkdtempSync(join(tmpdir(), 'distill-bench-'));
  const nats = await startTestNats({ uids: [uid] });
  const admin = await connectAdmin(nats);
  const children: ChildProcess[] = [];
  try {
    const manifest = exampleManifest(uid);
    await admin.provision(streamsOf(uid));
    writeFileSync(join(folder, 'manifest.json'), JSON.stringify(manifest));
    const start = (role: 'teacher' | 'student', script: string, extra: Record<string, string> = {}): ChildProcess => {
      const environment = workerEnvironment(nats, role, uid, folder);
      const child = spawn(process.execPath, [script], {
        stdio: ['pipe', 'ignore', 'inherit'],
        env: { ...process.env, ...environment, ...extra },
      });
      children.push(child);
      return child;
    };
    if (mode.kind === 'ready') await storeAllFrames(nats, uid, manifest);
    else {
      start('teacher', join(compiled, 'remote-teachers.js'), {
        BENCH_DEVICES: String(devices),
        BENCH_SERVICE_MS: String(mode.serviceMs),
      });
    }
    return await watch(admin, uid, start('student', studentScript));
  } finally {
    for (const child of children) child.kill('SIGKILL');
    await admin.close();
    await nats.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** One epoch of the example, its checkpoints in a file so that nothing but logits is in the streams. */
function exampleManifest(uid: string): Manifest {
  const read = readJob(readFileSync(join(example, 'job.yaml'), 'utf8'), { sourceName: 'job.yaml' });
  if (!read.ok) throw new Error('the example job is not valid');
  const manifest = manifestOf(read.job, uid);
  return {
    ...manifest,
    training: { ...manifest.training, epochs: 1 },
    student: {
      ...manifest.student,
      model: { ...manifest.student.model, uri: `file://${join(example, 'models/student.json')}` },
      checkpoint: { ...manifest.student.checkpoint, store: 'file' },
      output: { store: 'file' },
    },
  };
}

function workerEnvironment(
  nats: TestNats<PasswordLogin>,
  role: 'teacher' | 'student',
  uid: string,
  folder: string,
): Record<string, string> {
  const { user, password } = nats.userFor(role, uid);
  const passwordFile = join(folder, `${role}.password`);
  writeFileSync(passwordFile, password, { mode: 0o600 });
  return {
    DISTILL_MANIFEST: join(folder, 'manifest.json'),
    DISTILL_NATS_URL: nats.url,
    DISTILL_NATS_USER: user,
    DISTILL_NATS_PASSWORD_FILE: passwordFile,
    DISTILL_POD: `bench-${role}`,
    DISTILL_FOLDER: folder,
    DISTILL_TERMINATION_LOG: join(folder, `${role}.end`),
    DISTILL_OWNER_PIPE: '1',
  };
}

async function storeAllFrames(nats: TestNats, uid: string, { training }: Manifest): Promise<void> {
  const link = await connectAs(nats, 'teacher', uid);
  const names = jobNames(uid);
  const plan = schedule({ ...training, samples: trainSamples });
  for (let step = 0; step < plan.steps; step++) {
    const rows = plan.indices(step).length;
    const frame = encodeFrame({
      step,
      shard: 0,
      augmentSeed: plan.augmentSeed(step),
      teacherDigest: '00000000000000aa',
      encoding: 'Float16',
      topK: 0,
      temperature: 0,
      rows,
      columns,
      logits: new Float32Array(rows * columns),
    });
    await publishFrame(link, names, { shard: 0, step }, frame);
  }
  await link.close();
}

/** Rate and waiting between the two marks, from what the student itself pushes. */
async function watch(admin: StreamAdmin, uid: string, student: ChildProcess): Promise<Measured> {
  const seen: StudentState[] = [];
  while (student.exitCode === null && student.signalCode === null) {
    const observed = await admin.observe(uid);
    const state = observed.state === 'Present' ? observed.student : null;
    if (state !== null && state.updatedAtMs !== seen.at(-1)?.updatedAtMs) seen.push(state);
    await sleep(50);
  }
  const within = seen.filter(
    ({ step, steps, phase }) => phase === 'Training' && step >= measured.from * steps && step <= measured.to * steps,
  );
  const [first, last] = [within[0], within.at(-1)];
  if (first === undefined || last === undefined || last.step === first.step) {
    throw new Error('the student ended before it could be measured');
  }
  const seconds = (last.updatedAtMs - first.updatedAtMs) / 1_000;
  return {
    samplesPerSecond: ((last.step - first.step) * last.batchSize) / seconds,
    waitFraction: within.reduce((sum, { waitFraction }) => sum + waitFraction, 0) / within.length,
  };
}
