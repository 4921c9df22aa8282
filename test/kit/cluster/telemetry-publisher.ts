/** Publishes telemetry of simulated workers: a student that needs a number of teachers, and the rate of each teacher. */
import { firstRank, jobNames, type StudentState, type TeacherState } from '@distillery/protocol';
import type { NatsConnection } from '@nats-io/transport-node';

import { connectPlain, studentState, teacherState } from '../stream.js';

import type { OperatorCluster } from './operator-cluster.js';

const everyMs = 400;
const perTeacher = 100;
/** The surplus that a job requests above the student's rate (demand.ts). */
const margin = 1.05;

/** Publishes the telemetry of a job's workers. @param teachers by pod, all of the pool `gpu` @returns the number of workers */
export function publishStates(
  connection: NatsConnection,
  uid: string,
  student: Partial<StudentState>,
  teachers: Readonly<Record<string, Partial<TeacherState>>>,
): number {
  const { stateBucket, teacherBucket, stateKeys, teacherKey } = jobNames(uid);
  const updatedAtMs = Date.now();
  const publish = (bucket: string, key: string, state: StudentState | TeacherState): void =>
    connection.publish(`$KV.${bucket}.${key}`, JSON.stringify(state));
  publish(stateBucket, stateKeys.student(firstRank), studentState({ steps: 1_000_000, ...student, updatedAtMs }));
  const reporting = Object.entries(teachers);
  for (const [pod, state] of reporting) {
    publish(teacherBucket, teacherKey(pod), teacherState(pod, { pool: 'gpu', ...state, updatedAtMs }));
  }
  return 1 + reporting.length;
}

export class TelemetryPublisher {
  readonly #world: OperatorCluster;
  #connection: NatsConnection | null = null;
  readonly #needs = new Map<string, number>();
  #timer: NodeJS.Timeout | null = null;

  private constructor(world: OperatorCluster) {
    this.#world = world;
  }

  static start(world: OperatorCluster): TelemetryPublisher {
    const publisher = new TelemetryPublisher(world);
    publisher.#next();
    return publisher;
  }

  /** The account of a namespace comes with its first job and closes with its last. */
  async #connected(): Promise<NatsConnection> {
    const { nats } = this.#world;
    if (this.#connection === null || this.#connection.isClosed()) {
      this.#connection = await connectPlain(nats, nats.mode === 'accounts' ? nats.rootOf('default') : nats.root);
    }
    return this.#connection;
  }

  /** Sets how many teachers of the pool `gpu` the student of this job keeps busy. */
  needs(uid: string, teachers: number): void {
    this.#needs.set(uid, teachers);
  }

  async stop(): Promise<void> {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#needs.clear();
    await this.#connection?.close();
  }

  #next(): void {
    this.#timer = setTimeout(() => {
      void Promise.all([...this.#needs].map(([uid, teachers]) => this.tell(uid, teachers)))
        .catch(() => undefined)
        .then(() => this.#next());
    }, everyMs);
  }

  /** Publishes the telemetry of the job once, now. */
  async tell(uid: string, teachers: number): Promise<void> {
    const pods = await this.#world.running(uid, 'teacher');
    const samplesPerSecond = ((teachers - 0.5) * perTeacher) / margin;
    const student = {
      step: 1,
      fedSteps: 1_001,
      window: 1_000,
      // A full buffer: no teachers are requested to fill it.
      buffer: { frames: 1_000_000, bytes: 0 },
      samplesPerSecond,
      unstarvedSamplesPerSecond: samplesPerSecond,
    };
    const states = pods.map(({ name }) => [name, { capableSamplesPerSecond: perTeacher }] as const);
    publishStates(await this.#connected(), uid, student, Object.fromEntries(states));
  }
}
