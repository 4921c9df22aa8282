/**
 * One running job for a benchmark: the MNIST example, a real nats-server with the job's streams, worker processes, and the
 * student's telemetry. `close` ends everything.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

import { encodeFrame, jobNames, type Manifest, schedule, type StudentState } from '@distillery/protocol';

import { readJob } from '../../src/api/index.js';
import { manifestOf } from '../../src/render/index.js';
import type { StreamAdmin } from '../../src/stream/index.js';
import { publishFrame } from '../../workers/stream/index.js';
import { type PasswordLogin, startTestNats, type TestNats } from '../kit/nats.js';
import { connectAdmin, connectAs, streamsOf } from '../kit/stream.js';

const compiled = import.meta.dirname;
const example = join(compiled, '../../../examples/mnist');
const studentScript = join(compiled, '../../workers/student/main.js');
const timedStudentScript = join(compiled, 'timed-student.js');
const teachersScript = join(compiled, 'remote-teachers.js');
const trainSamples = 60_000;
const columns = 10;
/** The measured share of the steps: without the start and without the last window, in which the buffer drains. */
const measured = { from: 0.15, to: 0.95 };

/** Performance of a student over the measured part of its steps. */
export interface StudentRate {
  readonly samplesPerSecond: number;
  /** Mean share of time in which the compute thread waited. */
  readonly waitFraction: number;
}

export class BenchJob {
  readonly #folder: string;
  readonly #uid: string;
  readonly #children: ChildProcess[] = [];
  readonly #admin: StreamAdmin;
  readonly nats: TestNats<PasswordLogin>;
  readonly manifest: Manifest;

  private constructor(nats: TestNats<PasswordLogin>, admin: StreamAdmin, manifest: Manifest) {
    this.#folder = mkdtempSync(join(tmpdir(), 'distill-bench-'));
    this.#uid = manifest.job.uid;
    this.#admin = admin;
    this.nats = nats;
    this.manifest = manifest;
    writeFileSync(join(this.#folder, 'manifest.json'), JSON.stringify(manifest));
  }

  /** @param uid names the job in its streams */
  static async start(uid: string, epochs: number): Promise<BenchJob> {
    const nats = await startTestNats({ uids: [uid] });
    const admin = await connectAdmin(nats);
    const manifest = exampleManifest(uid, epochs);
    await admin.provision(streamsOf(uid));
    return new BenchJob(nats, admin, manifest);
  }

  /** Teachers as remote devices, in one process. */
  startTeachers(pod: string, options: { readonly devices: number; readonly serviceMs: number }): ChildProcess {
    const environment = { BENCH_DEVICES: String(options.devices), BENCH_SERVICE_MS: String(options.serviceMs) };
    return this.#spawn('teacher', teachersScript, pod, environment);
  }

  startStudent(): ChildProcess {
    return this.#spawn('student', studentScript, 'bench-student');
  }

  /** Starts a student whose steps take this time and which reports each step. */
  startTimedStudent(stepMs: number): ChildProcess {
    return this.#spawn('student', timedStudentScript, 'bench-student', { BENCH_STEP_MS: String(stepMs) });
  }

  #spawn(role: 'teacher' | 'student', script: string, pod: string, extra: NodeJS.ProcessEnv = {}): ChildProcess {
    const { user, password } = this.nats.userFor(role, this.#uid);
    const passwordFile = join(this.#folder, `${pod}.password`);
    writeFileSync(passwordFile, password, { mode: 0o600 });
    const child = spawn(process.execPath, [script], {
      stdio: ['pipe', 'ignore', 'inherit', 'ipc'],
      env: {
        ...process.env,
        DISTILL_MANIFEST: join(this.#folder, 'manifest.json'),
        DISTILL_NATS_URL: this.nats.url,
        DISTILL_NATS_USER: user,
        DISTILL_NATS_PASSWORD_FILE: passwordFile,
        DISTILL_POD: pod,
        DISTILL_FOLDER: this.#folder,
        DISTILL_TERMINATION_LOG: join(this.#folder, `${pod}.end`),
        DISTILL_OWNER_PIPE: '1',
        ...extra,
      },
    });
    this.#children.push(child);
    return child;
  }

  /** The student's last telemetry; null before the first. */
  async student(): Promise<StudentState | null> {
    const observed = await this.#admin.observe(this.#uid);
    return observed.state === 'Present' ? observed.student : null;
  }

  /** Publishes all frames, so that the student waits for no teacher. */
  async storeAllFrames(): Promise<void> {
    const link = await connectAs(this.nats, 'teacher', this.#uid);
    const names = jobNames(this.#uid);
    const plan = schedule({ ...this.manifest.training, samples: trainSamples, positions: 1 });
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

  /** Rate and waiting time between the two marks, from the student's own telemetry. */
  async watch(student: ChildProcess): Promise<StudentRate> {
    const seen: StudentState[] = [];
    while (student.exitCode === null && student.signalCode === null) {
      const state = await this.student();
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

  async close(): Promise<void> {
    for (const child of this.#children) child.kill('SIGKILL');
    await this.#admin.close();
    await this.nats.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

/** Samples per step. */
export const exampleBatchSize = exampleManifest('any', 1).training.batchSize;

/** The example job, evaluated only at its end, with checkpoints in a file so that the streams hold only logits. */
function exampleManifest(uid: string, epochs: number): Manifest {
  const read = readJob(readFileSync(join(example, 'job.yaml'), 'utf8'), { sourceName: 'job.yaml' });
  if (!read.ok) throw new Error('the example job is not valid');
  const manifest = manifestOf(read.job, uid);
  return {
    ...manifest,
    training: { ...manifest.training, epochs },
    student: {
      ...manifest.student,
      model: { ...manifest.student.model, uri: `file://${join(example, 'models/student.json')}` },
      checkpoint: { ...manifest.student.checkpoint, store: 'file' },
      evaluation: { everyEpochs: epochs, teacherSamples: 0 },
      output: { store: 'file' },
    },
  };
}
