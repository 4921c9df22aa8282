/** A running student with teachers, of which one after the other is killed and replaced. */
import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';

import { ackWaitMs, jobNames } from '@distillery/protocol';

import { connectRoot } from '../kit/stream.js';
import { until } from '../kit/until.js';

import { BenchJob } from './job.js';
import type { StepReport } from './reports.js';
import type { Stretch } from './steps.js';
import { type DeliveredItem, TeacherProcess } from './teacher-process.js';

const uid = 'bench-kill';
/** More steps than a trial trains: its student is stopped at the end. */
const epochs = 1_000;
/** A period extends this far beyond the redelivery: the fleet may have fallen behind by then. */
const afterMs = 5_000;
const limitMs = 120_000;
/** Time to wait for a full buffer: a fleet that is too small never fills it. */
const fillLimitMs = 30_000;
/** Items per teacher before the measurement: the student then knows the response time, and the window is stable. */
const settledSteps = 4;
/** Share of an undisturbed window that is stored. */
const fullBuffer = 0.9;

export interface Fleet {
  readonly teachers: number;
  /** Time of the student for a step, which is one work item. */
  readonly stepMs: number;
  /** Time of each teacher for an item. */
  readonly serviceMs: number;
}

export interface Kill {
  /** Time from the kill until the last of the teacher's items was delivered again, or its logits stored. */
  readonly redeliveredAfterMs: number;
  /** Buffer of stored, untrained steps at the time of the kill, in seconds of training. */
  readonly bufferSeconds: number;
  readonly undisturbed: Stretch;
  readonly killed: Stretch;
}

export class KillTrial {
  /** All steps that the student has trained so far. */
  readonly steps: StepReport[] = [];
  readonly #job: BenchJob;
  readonly #fleet: Fleet;
  readonly #student: ChildProcess;
  readonly #teachers: TeacherProcess[] = [];
  /** Redeliveries of items. */
  readonly #again: DeliveredItem[] = [];
  /** Time of the first publication of logits, by step. */
  readonly #storedAtMs = new Map<number, number>();
  readonly #closeRoot: () => Promise<void>;
  #started = 0;

  private constructor(job: BenchJob, root: Awaited<ReturnType<typeof connectRoot>>, fleet: Fleet) {
    this.#job = job;
    this.#fleet = fleet;
    this.#closeRoot = () => root.connection.close();
    root.connection.subscribe(jobNames(uid).subjects.allLogits, {
      callback: (_error, { subject }) => {
        const step = Number(subject.split('.').at(-1));
        if (!this.#storedAtMs.has(step)) this.#storedAtMs.set(step, Date.now());
      },
    });
    for (let index = 0; index < fleet.teachers; index++) this.#teachers.push(this.#startTeacher());
    this.#student = job.startTimedStudent(fleet.stepMs);
    this.#student.on('message', (message) => this.steps.push(message as StepReport));
  }

  static async start(fleet: Fleet): Promise<KillTrial> {
    const job = await BenchJob.start(uid, epochs);
    return new KillTrial(job, await connectRoot(job.nats), fleet);
  }

  #startTeacher(): TeacherProcess {
    const child = this.#job.startTeachers(`bench-teacher-${String(this.#started++)}`, {
      devices: 1,
      serviceMs: this.#fleet.serviceMs,
    });
    return new TeacherProcess(child, (item) => {
      if (item.deliveries > 1) this.#again.push(item);
    });
  }

  /**
   * Kills one teacher in the middle of an item, measures the consequences, and starts a replacement.
   * @param index of the teacher in the fleet, modulo its size
   */
  async killOne(index: number): Promise<Kill> {
    await until(
      'the fleet is whole and has settled',
      () => this.#settled,
      () => '',
      limitMs,
    );
    const wholeAtMs = Date.now();
    await until(
      'the buffer is full',
      async () => Date.now() - wholeAtMs > fillLimitMs || (await this.#bufferIsFull()),
      () => '',
      limitMs,
    );
    const fullAtMs = Date.now();
    // The same duration as the period after the kill.
    await sleep(ackWaitMs + this.#fleet.serviceMs + afterMs);
    const bufferSeconds = await this.#bufferSeconds();
    const at = index % this.#teachers.length;
    const { atMs, held } = await this.#teacher(at).killInTheMiddle(this.#fleet.serviceMs);
    const goneAt = (step: number): number | undefined => this.#againOrStoredAtMs(step, atMs);
    await until(
      'its items are delivered again',
      () => held.every((step) => goneAt(step) !== undefined),
      () => '',
      limitMs,
    );
    const resolved = held.map((step) => goneAt(step) ?? atMs);
    await until(
      'their logits are stored',
      () => held.every((step) => this.#storedAtMs.has(step)),
      () => '',
      limitMs,
    );
    const storedAtMs = Math.max(atMs, ...held.map((step) => this.#storedAtMs.get(step) ?? atMs));
    const killed = { fromMs: atMs, toMs: storedAtMs + afterMs };
    await until(
      'a step ends after that',
      () => (this.steps.at(-1)?.atMs ?? 0) > killed.toMs,
      () => '',
      limitMs,
    );
    this.#teachers[at] = this.#startTeacher();
    return {
      redeliveredAfterMs: Math.max(...resolved) - atMs,
      bufferSeconds,
      undisturbed: { fromMs: Math.max(fullAtMs, atMs - (killed.toMs - atMs)), toMs: atMs },
      killed,
    };
  }

  /** Stops the student with SIGTERM. @returns the next step that it would train */
  async end(): Promise<number> {
    const gone = once(this.#student, 'disconnect');
    this.#student.kill('SIGTERM');
    await gone;
    return (await this.#job.student())?.step ?? 0;
  }

  async close(): Promise<void> {
    await this.#closeRoot();
    await this.#job.close();
  }

  #teacher(index: number): TeacherProcess {
    const teacher = this.#teachers[index];
    if (teacher === undefined) throw new Error(`found no teacher ${String(index)} of ${String(this.#teachers.length)}`);
    return teacher;
  }

  #againOrStoredAtMs(step: number, killedAtMs: number): number | undefined {
    const again = this.#again.find((item) => item.step === step && item.atMs >= killedAtMs)?.atMs;
    return again ?? this.#storedAtMs.get(step);
  }

  get #settled(): boolean {
    return this.#teachers.every(({ atWork }) => atWork) && this.steps.length >= settledSteps * this.#fleet.teachers;
  }

  async #bufferIsFull(): Promise<boolean> {
    const state = await this.#job.student();
    if (state?.phase !== 'Training') return false;
    const inHands = this.#fleet.serviceMs / this.#fleet.stepMs;
    return state.buffer.frames >= fullBuffer * Math.max(inTarget(this.#job, this.#fleet), state.window - inHands);
  }

  async #bufferSeconds(): Promise<number> {
    const state = await this.#job.student();
    return state === null ? 0 : (state.buffer.frames * state.batchSize) / state.unstarvedSamplesPerSecond;
  }
}

/** Number of steps in the job's buffer target. */
function inTarget({ manifest }: BenchJob, { stepMs }: Fleet): number {
  return (1_000 * manifest.teacher.bufferTargetSeconds) / stepMs;
}
