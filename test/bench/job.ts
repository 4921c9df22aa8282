/**
 * One running job for a benchmark: the MNIST example, a real nats-server with the job's streams, worker processes, and the
 * student's telemetry. `close` ends everything.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { encodeFrame, jobNames, type Manifest, schedule, type StudentState } from '@distillery/protocol';

import { readJob } from '../../src/api/index.js';
import { manifestOf } from '../../src/render/index.js';
import type { StreamAdmin } from '../../src/stream/index.js';
import { publishFrame } from '../../workers/stream/index.js';
import { builtNative } from '../kit/native.js';
import { type PasswordLogin, startTestNats, type TestNats } from '../kit/nats.js';
import { connectAdmin, connectAs, streamsOf } from '../kit/stream.js';

const compiled = import.meta.dirname;
const example = join(compiled, '../../../examples/mnist');
const programs = join(compiled, '../../programs/workers');
const timedStudentScript = join(compiled, 'timed-student.js');
const teachersScript = join(compiled, 'remote-teachers.js');
const trainSamples = 60_000;
const columns = 10;

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

  /**
   * @param uid names the job in its streams
   * @param model uri of the student's; absent = the example's
   */
  static async start(uid: string, epochs: number, model?: string): Promise<BenchJob> {
    const nats = await startTestNats({ uids: [uid] });
    const admin = await connectAdmin(nats);
    const manifest = exampleManifest(uid, epochs, model);
    await admin.provision(streamsOf(uid));
    return new BenchJob(nats, admin, manifest);
  }

  /** Teachers as remote devices, in one process. */
  startTeachers(pod: string, options: { readonly devices: number; readonly serviceMs: number }): ChildProcess {
    const environment = { BENCH_DEVICES: String(options.devices), BENCH_SERVICE_MS: String(options.serviceMs) };
    return this.#spawn('teacher', teachersScript, pod, environment);
  }

  /** Starts a student whose steps take this time and which reports each step. */
  startTimedStudent(stepMs: number): ChildProcess {
    const environment = { BENCH_STEP_MS: String(stepMs), DISTILL_NATIVE_FOLDER: builtNative() ?? 'none' };
    return this.#spawn('student', timedStudentScript, 'bench-student', environment);
  }

  /** Starts the real worker, as the images have it. */
  startProgram(role: 'teacher' | 'student', pod: string, environment: NodeJS.ProcessEnv): ChildProcess {
    return this.#spawn(role, join(programs, role, 'main.js'), pod, environment);
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

  /** Publishes the frames of the first `count` steps, so that the student waits for no teacher. */
  async storeFrames(count: number): Promise<void> {
    const link = await connectAs(this.nats, 'teacher', this.#uid);
    const names = jobNames(this.#uid);
    const plan = schedule({ ...this.manifest.training, samples: trainSamples, positions: 1 });
    for (let step = 0; step < Math.min(count, plan.steps); step++) {
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
function exampleManifest(
  uid: string,
  epochs: number,
  model = `file://${join(example, 'models/student.json')}`,
): Manifest {
  const read = readJob(readFileSync(join(example, 'job.yaml'), 'utf8'), { sourceName: 'job.yaml' });
  if (!read.ok) throw new Error('the example job is not valid');
  const manifest = manifestOf(read.job, uid);
  return {
    ...manifest,
    training: { ...manifest.training, epochs },
    teacher: {
      ...manifest.teacher,
      model: { ...manifest.teacher.model, uri: `file://${join(example, 'models/teacher.onnx')}` },
    },
    student: {
      ...manifest.student,
      model: { ...manifest.student.model, uri: model },
      checkpoint: { ...manifest.student.checkpoint, store: 'file' },
      evaluation: { everyEpochs: epochs, teacherSamples: 0 },
      output: { store: 'file' },
    },
  };
}
