/**
 * The environment of a student in memory: a trainer whose weights are a hash chain of all its batches, the stores and the
 * state that outlive an attempt, and ways to stop or kill one attempt and start the next.
 */
import { createHash } from 'node:crypto';

import type { Clock } from '@distillery/base';
import {
  type Manifest,
  needsNoTeacher,
  type Schedule,
  type StudentState,
  trainingMetricsSchema,
  type WorkItem,
} from '@distillery/protocol';

import {
  type CheckpointEntry,
  type CheckpointKey,
  type CheckpointStore,
  decodeCheckpoint,
  loadNewest,
  newestFirst,
  StoreError,
} from '../../workers/checkpoint/index.js';
import type { Dataset, ReplacedRowsRecord } from '../../workers/data/index.js';
import type { Samples, Targets } from '../../workers/samples/index.js';
import type { Evaluation, TrainerState, TrainingBatch } from '../../workers/models/training.js';
import { WorkerError } from '../../workers/base/exit.js';
import { heldOutItems } from '../../workers/student/held-out.js';
import { LiveSupply } from '../../workers/student/live-supply.js';
import type { WriteOnnx } from '../../workers/student/onnx.js';
import type { StudentStateWriter } from '../../workers/student/reporting.js';
import type { ResultStore, StudentResult } from '../../workers/student/results.js';
import { type StartingPoint, Student } from '../../workers/student/student.js';
import type { TrainerClient } from '../../workers/student/trainer-client.js';
import { labelsAlone, type LogitsSupply } from '../../workers/student/supply.js';
import { windowSteps } from '../../workers/student/window.js';

import { labelsIn, pixelsOf } from './samples.js';
import {
  type Answer,
  FakeClock,
  fakeColumns,
  fakeWidth,
  fakeDataset,
  FakeLog,
  FakeStreams,
  manifestWith,
  scheduleFor,
} from './worker-fakes.js';

/** Bytes of a digest as one weight tensor: two runs with the same batches end with the same weights. */
class ChainTrainer implements TrainerClient {
  readonly parameters = 32;
  readonly steps: number[] = [];
  readonly batches: TrainingBatch[] = [];
  /** In order: `asks train 3`, `answers state 3`. */
  readonly calls: string[] = [];
  evaluations = 0;
  readonly #clock: Clock;
  readonly #stepMs: number;
  #chain = new Uint8Array(32);
  #kept: Uint8Array | null = null;
  #last: Promise<unknown> = Promise.resolve();
  /** Makes one step fail. */
  failAt: { readonly step: number; readonly error: Error } | null = null;

  constructor(clock: Clock, state: TrainerState | null = null, stepMs = 20) {
    this.#clock = clock;
    this.#stepMs = stepMs;
    const weights = state?.weights[0]?.data;
    if (weights !== undefined) this.#chain = Uint8Array.from(weights);
    const kept = state?.slots[0]?.data;
    if (kept !== undefined) this.#kept = Uint8Array.from(kept);
  }

  train(batch: TrainingBatch): ReturnType<TrainerClient['train']> {
    this.calls.push(`asks train ${String(batch.step)}`);
    return this.#inOrder(async () => {
      await this.#clock.sleep(this.#stepMs);
      if (this.failAt?.step === batch.step) throw this.failAt.error;
      this.steps.push(batch.step);
      this.batches.push(batch);
      const hash = createHash('sha256')
        .update(this.#chain)
        .update(`${String(batch.step)}.${String(batch.samples.count)}`);
      const labels = batch.targets === null ? null : labelsIn(batch.targets);
      for (const part of [pixelsOf(batch.samples), labels, batch.teacherLogits]) {
        hash.update(part === null ? 'labels alone' : new Uint8Array(part.buffer, part.byteOffset, part.byteLength));
      }
      this.#chain = new Uint8Array(hash.digest());
      const metrics = batch.teacherLogits === null ? {} : { agreement: this.#chain[3]! / 256 };
      return { loss: this.#chain[0]! / 256, metrics, busyMs: this.#stepMs, idleMs: 1 };
    });
  }

  evaluate(_samples: Samples, targets: Targets): Promise<Evaluation> {
    const labels = labelsIn(targets);
    return this.#inOrder(async () => {
      await this.#clock.sleep(this.#stepMs);
      this.evaluations += 1;
      const correct = this.#chain[1]! % (labels.length + 1);
      return { kind: 'class', samples: labels.length, correct, correctTop5: null, lossSum: this.#chain[2]! };
    });
  }

  /** For each sample a row of bytes of the chain. */
  logits({ count }: Samples): Promise<Float32Array> {
    return this.#inOrder(() =>
      Promise.resolve(Float32Array.from({ length: count * fakeColumns }, (_, at) => this.#chain[at % 32]!)),
    );
  }

  state(): ReturnType<TrainerClient['state']> {
    const tensor = (name: string, bytes: Uint8Array): TrainerState['weights'][0] => ({
      name,
      shape: [32],
      data: Float32Array.from(bytes),
    });
    return this.#inOrder(() => {
      this.calls.push(`answers state ${String(this.steps.length)}`);
      return Promise.resolve({
        weights: [tensor('chain', this.#chain)],
        slots: this.#kept === null ? [] : [tensor('kept/chain', this.#kept)],
        busyMs: 1,
      });
    });
  }

  keepWeights(): Promise<void> {
    return this.#inOrder(() => {
      this.#kept = this.#chain.slice();
      return Promise.resolve();
    });
  }

  useKeptWeights(): Promise<void> {
    return this.#inOrder(() => {
      this.#chain = this.#kept?.slice() ?? this.#chain;
      return Promise.resolve();
    });
  }

  export(): Promise<{ modelJson: string; weights: Uint8Array }> {
    return this.#inOrder(() => Promise.resolve({ modelJson: '{}', weights: this.#chain.slice() }));
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}

/** One list of what was written, in order, over all attempts: `checkpoint 6`, `result model.json`, `state Training 3`. */
export type Journal = string[];

class FakeCheckpoints implements CheckpointStore {
  readonly stored = new Map<string, { readonly entry: CheckpointEntry; readonly bytes: Uint8Array }>();
  readonly #journal: Journal;
  failure: Error | null = null;
  /** When set, every put waits for it. */
  silence: Promise<void> | null = null;
  /** Checkpoints that fit at a time. */
  room = Infinity;
  afterPut: (step: number) => void = () => undefined;
  /** Of the next removals. */
  removalFailure: Error | null = null;

  constructor(journal: Journal = []) {
    this.#journal = journal;
  }

  async put(step: number, attempt: number, bytes: Uint8Array, fence: () => Promise<void>): Promise<void> {
    await fence();
    if (this.silence !== null) await this.silence;
    if (this.failure !== null) throw this.failure;
    if (this.stored.size >= this.room) throw new StoreError('full', 'memory', { problem: 'found no room', remedy: '' });
    this.stored.set(`${String(step)}.${String(attempt)}`, { entry: { step, attempt, bytes: bytes.length }, bytes });
    this.#journal.push(`checkpoint ${String(step)}`);
    this.afterPut(step);
  }

  list(): Promise<readonly CheckpointEntry[]> {
    return Promise.resolve([...this.stored.values()].map(({ entry }) => entry).sort(newestFirst));
  }

  get({ step, attempt }: CheckpointEntry): Promise<Uint8Array> {
    return Promise.resolve(this.stored.get(`${String(step)}.${String(attempt)}`)!.bytes);
  }

  remove({ step, attempt }: CheckpointKey): Promise<void> {
    if (this.removalFailure !== null) return Promise.reject(this.removalFailure);
    this.stored.delete(`${String(step)}.${String(attempt)}`);
    return Promise.resolve();
  }

  sweep(): Promise<void> {
    return Promise.resolve();
  }
}

class FakeResults implements ResultStore {
  readonly files = new Map<string, Uint8Array>();
  readonly #journal: Journal;

  constructor(journal: Journal = []) {
    this.#journal = journal;
  }

  failure: Error | null = null;
  /** The file for which there is no room. */
  full: string | null = null;

  async put(name: string, bytes: Uint8Array, fence: () => Promise<void>): Promise<void> {
    await fence();
    if (this.failure !== null) throw this.failure;
    if (this.full === name) throw new StoreError('full', name, { problem: 'found no room', remedy: '' });
    this.files.set(name, bytes);
    this.#journal.push(`result ${name}`);
  }

  async remove(name: string, fence: () => Promise<void>): Promise<void> {
    await fence();
    if (this.files.delete(name)) this.#journal.push(`no result ${name}`);
  }

  json(name: string): unknown {
    return JSON.parse(new TextDecoder().decode(this.files.get(name)));
  }
}

/** The STATE key `student`: the highest attempt that claimed it may write. */
class FakeState {
  readonly reports: StudentState[] = [];
  attempt = 0;
  /** How long the next write takes. */
  updateMs: () => number = () => 0;
  failure: Error | null = null;
  readonly #clock: Clock;
  readonly #journal: Journal;

  constructor(clock: Clock, journal: Journal = []) {
    this.#clock = clock;
    this.#journal = journal;
  }

  claim(): { readonly attempt: number; readonly writer: StudentStateWriter } {
    const attempt = ++this.attempt;
    const update = async (state: StudentState): Promise<void> => {
      const updateMs = this.updateMs();
      if (updateMs > 0) await this.#clock.sleep(updateMs);
      if (this.failure !== null) throw this.failure;
      if (this.attempt > attempt) {
        throw new WorkerError('fenced', {
          about: `attempt ${String(attempt)}`,
          problem: `found attempt ${String(this.attempt)}`,
          remedy: '',
        });
      }
      this.reports.push(state);
      this.#journal.push(`state ${state.phase} ${String(state.step)}`);
    };
    return { attempt, writer: { update } };
  }
}

/** What outlives a student: the stores, the state, the streams. Starts one attempt after another on them. */
export class StudentHome {
  readonly clock = new FakeClock();
  readonly journal: Journal = [];
  readonly log = new FakeLog();
  readonly checkpoints = new FakeCheckpoints(this.journal);
  readonly results = new FakeResults(this.journal);
  readonly state = new FakeState(this.clock, this.journal);
  readonly manifest: Manifest;
  readonly schedule: Schedule;
  readonly dataset: Dataset;
  readonly streams: FakeStreams;
  replaced: ReplacedRowsRecord = { count: 0, names: [] };
  /** Makes model.onnx: its content are the logits that it was compared with. */
  writeOnnx: WriteOnnx = ({ logits }) => Promise.resolve(Uint8Array.from(logits));

  constructor(
    options: {
      readonly manifest?: Manifest;
      readonly samples?: number;
      readonly test?: number;
      /** false = the data set has no targets. */
      readonly labeled?: boolean;
      readonly answer?: (item: Omit<WorkItem, 'version'>) => Answer | null;
    } = {},
  ) {
    this.manifest = options.manifest ?? manifestWith();
    this.dataset = fakeDataset(options.samples ?? 22, options.test, options.labeled);
    this.schedule = scheduleFor(this.manifest, this.dataset.train.length);
    this.streams = new FakeStreams(this.clock, options.answer);
  }

  /** The next attempt, from the newest checkpoint, as the student's main does. */
  async attempt(changes: AttemptChanges = {}): Promise<Attempt> {
    const { attempt, writer } = this.state.claim();
    const { newest } = await loadNewest(this.checkpoints, (bytes) => decodeCheckpoint(bytes, this.manifest.job.uid));
    const checkpoint = newest?.checkpoint ?? null;
    const start: StartingPoint = {
      step: checkpoint?.step ?? 0,
      metrics: checkpoint === null ? null : trainingMetricsSchema.parse(checkpoint.metrics),
      loaded: newest?.entry ?? null,
    };
    const previousFed = this.state.reports.at(-1)?.fedSteps ?? 0;
    const trainer = new ChainTrainer(this.clock, checkpoint?.state ?? null, changes.stepMs);
    const stop = new AbortController();
    const killed = new Killed();
    const { bufferTargetSeconds } = this.manifest.teacher;
    const { maxBytes } = this.manifest.logits;
    const supply = needsNoTeacher(this.manifest)
      ? labelsAlone()
      : new LiveSupply({
          stream: this.streams,
          schedule: this.schedule,
          shards: 1,
          columns: fakeColumns,
          width: fakeWidth,
          firstStep: start.step,
          fedBefore: previousFed,
          stepBytes: 1,
          windowFor: (measures) =>
            measures.unstarvedStepsPerSecond === 0
              ? (changes.window ?? 4)
              : windowSteps({ ...measures, bufferTargetSeconds, maxBytes }),
          onFailure: changes.onFailure ?? 'Fail',
          hasLabels: true,
          teacherDigest: null,
          heldOutItems: heldOutItems({
            manifest: this.manifest,
            samples: this.dataset.test?.length ?? 0,
            steps: this.schedule.steps,
            columns: fakeColumns,
            positions: 1,
          }),
          clock: this.clock,
          log: this.log,
        });
    const student = new Student({
      manifest: this.manifest,
      schedule: this.schedule,
      dataset: this.dataset,
      view: (samples) => samples,
      trainer,
      supply,
      facts: {
        attempt,
        pod: `student-${String(attempt)}`,
        runtime: 'fake',
        shards: 1,
        steps: this.schedule.steps,
        batchSize: this.manifest.training.batchSize,
        notes: [],
        resumedFromStep: start.step === 0 ? null : start.step,
      },
      start,
      answers: 'Logits',
      replaced: () => this.replaced,
      state: killed.unless(writer),
      checkpoints: killed.unless(this.checkpoints),
      results: killed.unless(this.results),
      writeOnnx: (order) => this.writeOnnx(order),
      clock: this.clock,
      log: this.log,
      note: (message) => this.log.warn(message),
      stop: stop.signal,
    });
    return {
      student,
      trainer,
      supply,
      start,
      stop: () => stop.abort(),
      kill: () => {
        killed.now();
        supply.stop();
      },
    };
  }

  /** Runs one attempt to its end, in the clock's own time. */
  async finish(attempt: Attempt): Promise<StudentResult> {
    return this.clock.run(attempt.student.run());
  }
}

export interface AttemptChanges {
  readonly window?: number;
  readonly onFailure?: 'Fail' | 'Skip';
  readonly stepMs?: number;
}

export interface Attempt {
  readonly student: Student;
  readonly trainer: ChainTrainer;
  readonly supply: LogitsSupply;
  readonly start: StartingPoint;
  /** SIGTERM. */
  stop(): void;
  /** SIGKILL: nothing that it does from now on has an effect. */
  kill(): void;
}

/** A process that is gone: its calls have no effect and no answer. */
class Killed {
  #dead = false;

  now(): void {
    this.#dead = true;
  }

  unless<T extends object>(port: T): T {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== 'function') return member;
        return (...args: unknown[]): unknown =>
          this.#dead ? new Promise(() => undefined) : Reflect.apply(member, target, args);
      },
    });
  }
}
